"""Settings of PyTorch in a process that trains."""

import os

import torch


def limit_gpu_memory(share: float) -> None:
    """Limit PyTorch's memory on the first GPU of this process to a share of the GPU, as others have the rest of it.

    A process that takes more than its share then runs out of memory itself, not another one beside it. CUDA's context
    is not counted.
    """
    torch.cuda.set_per_process_memory_fraction(min(1.0, share))


def set_torch(device: str, threads: int) -> None:
    """Set the number of threads and, on a GPU, kernels that give the same bits in every run.

    On the kind of device `cuda`, convolutions compute in float32, not in TF32 with its 11 bits, and PyTorch warns of
    operations that have no reproducible kernel. To be called before the process first uses its GPU.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # clipped weights give denormal numbers, which multiply a hundred times slower
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS when it starts
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time
        torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
