# SPDX-License-Identifier: Apache-2.0
"""Bytes and operations of a model, the limits made of them, and the picture."""

import json
import os
import struct
import xml.etree.ElementTree

import ceilings
import chart
import pytest
import tasks
from shape import Shape


def folder_of(path, tied):
    """A model of one layer, its tensors' names and shapes only."""
    config = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
              "hidden_size": 8, "vocab_size": 100, "tie_word_embeddings": tied}
    shapes = {"model.embed_tokens.weight": [100, 8], "model.layers.0.mlp.up_proj.weight": [16, 8]}
    if not tied:
        shapes["lm_head.weight"] = [100, 8]
    header = json.dumps({name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, 0]}
                         for name, shape in shapes.items()}).encode()
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return path


@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_of_its_own_is_not_read(tmp_path, tied):
    shape = Shape(folder_of(tmp_path, tied))
    assert shape.weight_bytes() == 2 * (800 + 128)
    assert shape.parameters_layers == 128


def test_kv_bytes_count_keys_and_values_of_all_heads(tmp_path):
    assert Shape(folder_of(tmp_path, True)).kv_bytes(10) == 2 * 1 * 1 * 4 * 10 * 2


def test_the_demo_model_is_read_whole_in_every_step():
    shape = Shape(os.environ["PINTLE_MODEL"])
    assert shape.weight_bytes() == 269_030_016


def test_a_step_is_bound_by_what_it_reads_or_by_what_it_computes(tmp_path):
    shape = Shape(folder_of(tmp_path, True))
    task = tasks.Task("t", "t", "decode", 1, 0, 0, ())
    reads = {"read_bytes_per_second": 1856.0, "bf16_operations_per_second": 1e12}
    assert ceilings.tokens_per_second(task, shape, reads) == pytest.approx(1.0)
    computes = {"read_bytes_per_second": 1e12, "bf16_operations_per_second": 1856.0}
    assert ceilings.tokens_per_second(task, shape, computes) == pytest.approx(1.0)


def test_the_picture_is_well_formed_and_names_everybody(tmp_path):
    task = tasks.Task("t", "a <task> & more", "decode", 1, 0, 0, (tasks.PINTLE, tasks.LLAMA))
    values = [{"tokens_per_second": 5.0, "read_bytes_per_second": 1856.0,
               "bf16_operations_per_second": 0.0}]
    run = {"tasks": [task], "samples": {"t": {tasks.PINTLE: values, tasks.LLAMA: values}},
           "limits": values[0], "shape": Shape(folder_of(tmp_path, True)), "model": "m",
           "threads": 2, "rounds": 1, "machine": {"processor": "p", "cores": 2}}
    text = chart.svg(run)
    xml.etree.ElementTree.fromstring(text)
    assert tasks.PINTLE in text and tasks.LLAMA in text
