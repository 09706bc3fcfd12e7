# SPDX-License-Identifier: Apache-2.0
"""Reads a GGUF (version 3, little endian) file: its fields and its tensors as float32 arrays.

Knows the tensor types that the demo model uses and refuses others by name.
"""

import math
import mmap
import struct

import numpy as np

# Numbers as the format defines them: value types of fields, then tensor types.
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
           10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
F32, F16, Q4_1, Q8_0 = 0, 1, 3, 8
BLOCK = 32  # Values of one quantisation block.
BLOCK_BYTES = {Q4_1: 2 + 2 + BLOCK // 2, Q8_0: 2 + BLOCK}


class GgufFile:
    """fields: name -> value. tensors: name -> (shape with rows first, type, offset)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        if self._take("<I") != 0x46554747 or self._take("<I") != 3:
            raise ValueError("not a GGUF file of version 3")
        tensor_count, field_count = self._take("<Q"), self._take("<Q")
        self.fields = {}
        for _ in range(field_count):
            name = self._string()
            self.fields[name] = self._value(self._take("<I"))
        self.tensors = {}
        for _ in range(tensor_count):
            name = self._string()
            shape = [self._take("<Q") for _ in range(self._take("<I"))]
            self.tensors[name] = (tuple(reversed(shape)), self._take("<I"), self._take("<Q"))
        alignment = self.fields.get("general.alignment", 32)
        self._data = -(-self._at // alignment) * alignment

    def tensor(self, name):
        """The tensor's values as float32, dequantised."""
        shape, kind, offset = self.tensors[name]
        count = math.prod(shape)
        at = self._data + offset
        if kind in (F32, F16):
            kind = np.dtype("<f4" if kind == F32 else "<f2")
            values = np.frombuffer(self._bytes, kind, count, at)
        elif kind in BLOCK_BYTES:
            size = BLOCK_BYTES[kind]
            raw = np.frombuffer(self._bytes, np.uint8, count // BLOCK * size, at).reshape(-1, size)
            values = _from_q4_1(raw) if kind == Q4_1 else _from_q8_0(raw)
        else:
            raise ValueError(f"{name} has tensor type {kind}, which is not known here")
        return values.astype(np.float32, copy=False).reshape(shape)

    def _take(self, form):
        value, = struct.unpack_from(form, self._bytes, self._at)
        self._at += struct.calcsize(form)
        return value

    def _string(self):
        size = self._take("<Q")
        self._at += size
        return self._bytes[self._at - size:self._at].decode("utf-8")

    def _value(self, kind):
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            kind, count = self._take("<I"), self._take("<Q")
            return [self._value(kind) for _ in range(count)]
        return self._take(SCALARS[kind])


def _f16(raw):
    return raw.copy().view("<f2").astype(np.float32)


def _from_q4_1(raw):
    """Block: scale, minimum (f16), 16 bytes: values 0-15 in the low half, 16-31 in the high."""
    scale, minimum = _f16(raw[:, 0:2]), _f16(raw[:, 2:4])
    nibbles = np.concatenate([raw[:, 4:] & 0x0F, raw[:, 4:] >> 4], axis=1)
    return scale * nibbles.astype(np.float32) + minimum


def _from_q8_0(raw):
    """Block: scale (f16), then 32 signed bytes."""
    return _f16(raw[:, 0:2]) * raw[:, 2:].copy().view(np.int8).astype(np.float32)
