"""Trained models as files for others to run: ONNX, torch.export, C."""
