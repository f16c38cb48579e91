// The program that benchmarks/cortex_m.py runs on an emulated processor: what a model says of a few images, and how many
// ticks of the processor's own timer it takes for each. Without NUM_IMAGES it only calls the model once, which shows
// what a model adds to a program; with NO_MODEL too it does nothing.
#include <stdint.h>

#include "model.h"

int main(void);
void reset(void);
extern uint32_t stack_top[], data_start[], data_end[], data_load[], bss_start[], bss_end[];

__attribute__((section(".vectors"), used)) static void *const vectors[2] = {stack_top, (void *)reset};

void reset(void)
{
    const uint32_t *from = data_load;
    for (volatile uint32_t *to = data_start; to < data_end; ++to)
        *to = *from++;
    for (volatile uint32_t *to = bss_start; to < bss_end; ++to)
        *to = 0;
    main();
    for (;;) {
    }
}

static LOGIT logits[MODEL_NUM_CLASSES];

#ifdef NUM_IMAGES

#include "images.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)

/* A request to the emulator. */
static void ask(uint32_t what, const void *with)
{
    register uint32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = with;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(uint32_t number)
{
    char text[10];
    for (int i = 0; i < 8; ++i)
        text[i] = "0123456789abcdef"[number >> (28 - 4 * i) & 15];
    text[8] = ' ';
    text[9] = 0;
    ask(4, text);
}

int main(void)
{
    SYST_RVR = 0xFFFFFF;
    SYST_CSR = 5; /* counts down at the processor's clock */
    for (int i = 0; i < NUM_IMAGES; ++i) {
        SYST_CVR = 0;
        const uint32_t before = SYST_CVR;
        const int predicted = model_predict(images + i * MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS, logits);
        const uint32_t after = SYST_CVR;
        print((before - after) & 0xFFFFFF);
        print((uint32_t)predicted);
        for (int j = 0; j < MODEL_NUM_CLASSES; ++j)
            print(*(const uint32_t *)&logits[j]);
        ask(4, "\n");
    }
    ask(0x18, (const void *)0x20026); /* the end */
    return 0;
}

#else

static uint8_t pixels[MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS];

int main(void)
{
    volatile uint8_t *first = pixels;
    *first = 1;
    *(volatile LOGIT *)logits = 0;
#ifdef NO_MODEL
    return 0;
#else
    return model_predict(pixels, logits);
#endif
}

#endif
