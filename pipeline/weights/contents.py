"""What a file of torch.save holds, in words for an error."""

from torch import Tensor

SHOWN = 3


def described(value: object) -> str:
    """What a value is: a tensor with type and shape, a container with some of what is in it."""
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"a tensor of {dtype} {list(value.shape)}"
    if isinstance(value, dict):
        return f"a dict of {len(value)} ({_listed([str(key) for key in value])})"
    if isinstance(value, list | tuple):
        inside = [described(item) for item in value[:SHOWN]]
        return f"a {type(value).__name__} of {len(value)} ({_listed(inside, len(value))})"
    return f"a {type(value).__name__}"


def _listed(names: list[str], count: int | None = None) -> str:
    more = (len(names) if count is None else count) > SHOWN
    return ", ".join([*names[:SHOWN], *(["..."] if more else [])])
