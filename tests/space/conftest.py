"""The hand-tuned nets that several files of tests count."""

REFERENCE_SYSTEMS = {
    "000-step1": (71_274, "10v:r 16v:r p 16v:r 20v:r flat fc50+:r fc10+"),
    "000-step2": (7_416, "8v:rbd0.05 16v:rbd0.05 p 8k1 16v:rbd0.05 16v:rbd0.05 16v:rbd0.05 gap fc10"),
    "001": (19_210, "6s+:br 10s+:brD0.25 p 16s+:br 18s+:brD0.25 p 32v+:br 24v+:br 10v+ gap"),
    "002-original": (6_379_786, "32s+:r 64s+:r p 128s+:r 256s+:r p 512v+:r 1024v+:r 10v+:r flat"),
    "002-optimized": (18_962, "10s:br 18s:brd0.05 p 18s:br 28s:brd0.05 p 28s:br 10s:br gap"),
    "003": (12_534, "8v:br 12v:br 16v:br 20v:br p 12k1+:br 16s:br 16s:br 16s:br gap fc10+"),
    # Reconstructions: only the totals and the words about the layers are known.
    "004-v0": (21_538, "8v:r 8v:r 12v:r 16v:r 16v:r p 24v:r 24v:r 24v:r flat fc10+"),
    "004-v1": (6_308, "8v:br 10v:br p 10v:br 10v:br 10v:br 16v:br 8v:br gap fc10"),
    "004-v2": (7_718, "8s:br 10s:br 12s:br 10s:br p 12s:br 10s:br 12s:br p 12k1:br 10s:br gap fc10+"),
}
