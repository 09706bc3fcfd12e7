// SPDX-License-Identifier: Apache-2.0
//! safetensors files: validated by the safetensors crate, never copied.

use crate::{answer, Buffer, Failure, Slice};
use safetensors::SafeTensors;

struct Tensor {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    begin: usize,
    end: usize,
}

pub struct Tensors {
    tensors: Vec<Tensor>,
}

#[repr(C)]
pub struct TensorView {
    name: Slice,
    dtype: Slice,
    shape: *const usize,
    rank: usize,
    begin: usize,
    end: usize,
}

fn open(file: &[u8], header_bytes_max: usize, tensors_max: usize) -> Result<Tensors, Failure> {
    let length: [u8; 8] = file
        .get(..8)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Failure::invalid("is too short for a safetensors header"))?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > header_bytes_max as u64 {
        return Err(Failure::invalid(format!(
            "has a header of {header_bytes} bytes, limit {header_bytes_max}"
        )));
    }
    if file.len() as u64 - 8 < header_bytes {
        return Err(Failure::invalid("is truncated within its header"));
    }
    let (header, metadata) = SafeTensors::read_metadata(file)
        .map_err(|error| Failure::invalid(format!("is no valid safetensors file: {error}")))?;
    let names = metadata.offset_keys();
    if names.len() > tensors_max {
        return Err(Failure::invalid(format!(
            "holds {} tensors, limit {tensors_max}",
            names.len()
        )));
    }
    // read_metadata counts the data from behind the length field and the header.
    let data_begin = header + 8;
    let mut tensors = Vec::with_capacity(names.len());
    for name in names {
        let info = metadata.info(&name).ok_or_else(|| Failure::invalid("lost a tensor"))?;
        let (begin, end) = info.data_offsets;
        tensors.push(Tensor {
            dtype: info.dtype.to_string(),
            shape: info.shape.clone(),
            begin: data_begin + begin,
            end: data_begin + end,
            name,
        });
    }
    match tensors.iter().find(|tensor| tensor.begin > tensor.end || tensor.end > file.len()) {
        Some(_) => Err(Failure::invalid("is truncated within its tensors")),
        None => Ok(Tensors { tensors }),
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_tensors_open(
    file: Slice,
    header_bytes_max: usize,
    tensors_max: usize,
    tensors: *mut *mut Tensors,
    error: *mut Buffer,
) -> i32 {
    answer(tensors, error, || {
        Ok(Box::into_raw(Box::new(open(file.bytes(), header_bytes_max, tensors_max)?)))
    })
}

#[no_mangle]
unsafe extern "C" fn pintle_tensors_free(tensors: *mut Tensors) {
    if !tensors.is_null() {
        drop(Box::from_raw(tensors));
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_tensors_size(tensors: *const Tensors) -> usize {
    (*tensors).tensors.len()
}

#[no_mangle]
unsafe extern "C" fn pintle_tensors_get(tensors: *const Tensors, index: usize) -> TensorView {
    let tensors = &(*tensors).tensors;
    match tensors.get(index) {
        Some(tensor) => TensorView {
            name: Slice::of(tensor.name.as_bytes()),
            dtype: Slice::of(tensor.dtype.as_bytes()),
            shape: tensor.shape.as_ptr(),
            rank: tensor.shape.len(),
            begin: tensor.begin,
            end: tensor.end,
        },
        None => TensorView {
            name: Slice::EMPTY,
            dtype: Slice::EMPTY,
            shape: std::ptr::null(),
            rank: 0,
            begin: 0,
            end: 0,
        },
    }
}
