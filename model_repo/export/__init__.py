"""Takes an encoder out of this repository: to ONNX, to Triton, to TensorRT; and to INT8 for the light model here.

python -m model_repo.export faq --documents examples/shop --format triton --out repository/
"""
