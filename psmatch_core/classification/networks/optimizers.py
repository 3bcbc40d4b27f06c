"""torch's optimizer and its layers as they are, without what torch loads for programs that it compiles."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


class EagerAdamW(torch.optim.AdamW):  # type: ignore[misc]  # torch carries no types here
    """``torch.optim.AdamW``, called inside the wrappers that torch puts around it for ``torch.compile``.

    Those wrappers load ``torch._dynamo`` (a second of processor time) at the first call, whether or not anything is
    compiled, and we compile nothing. What is computed is torch's own code, number by number. Where a version of torch
    has no such wrapper, nothing is unwrapped.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


def undrawn(kind: type[Layer], *sizes: int, **settings: Any) -> Layer:
    """A layer whose parameters have no numbers yet and draw none: whoever calls this sets all of them.

    It lies on torch's device without numbers. ``torch.nn.utils.skip_init`` does the same, and then loads sympy to lay
    numbers out that are replaced at once.
    """
    return kind(*sizes, device="meta", **settings)
