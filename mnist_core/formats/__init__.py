"""Trained models as files for other programs: ONNX, torch.export, C."""
