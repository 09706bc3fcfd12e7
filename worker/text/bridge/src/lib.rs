// SPDX-License-Identifier: Apache-2.0
//! The Rust half of text_bridge.h: Hugging Face tokenizers, chat templates and safetensors behind a
//! C interface. Everything that crosses is plain data; no panic does.

mod pieces;
mod strftime;
mod template;
mod tensors;
mod tojson;
mod tokenizer;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

const OK: i32 = 0;

/// Why a call failed: the status of text_bridge.h and a message for people.
pub struct Failure {
    status: i32,
    message: String,
}

impl Failure {
    pub fn invalid(message: impl Into<String>) -> Failure {
        Failure { status: 1, message: message.into() }
    }
    pub fn refused(message: impl Into<String>) -> Failure {
        Failure { status: 2, message: message.into() }
    }
    pub fn too_long(message: impl Into<String>) -> Failure {
        Failure { status: 3, message: message.into() }
    }
    fn broken() -> Failure {
        Failure { status: 4, message: "the text bridge failed unexpectedly".into() }
    }
}

/// Borrowed bytes, as struct pintle_slice.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    data: *const u8,
    size: usize,
}

impl Slice {
    pub const EMPTY: Slice = Slice { data: std::ptr::null(), size: 0 };

    pub fn of(bytes: &[u8]) -> Slice {
        Slice { data: bytes.as_ptr(), size: bytes.len() }
    }

    /// # Safety
    /// The caller of the C function vouches for the pointer during the call.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.data, self.size)
    }

    /// # Safety
    /// As `bytes`.
    pub unsafe fn text<'a>(self) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes()).map_err(|_| Failure::invalid("text is not valid UTF-8"))
    }
}

/// Bytes given away, as struct pintle_buffer.
#[repr(C)]
pub struct Buffer {
    data: *mut u8,
    size: usize,
    capacity: usize,
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Buffer {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Buffer { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() }
    }
}

#[no_mangle]
extern "C" fn pintle_buffer_free(buffer: Buffer) {
    if buffer.data.is_null() {
        return;
    }
    // SAFETY: the three fields come unchanged from Buffer::from.
    drop(unsafe { Vec::from_raw_parts(buffer.data, buffer.size, buffer.capacity) });
}

/// Runs the body of a fallible C function: stores its value or its error, answers the status.
///
/// # Safety
/// `result` and `error` must be writable.
pub unsafe fn answer<T>(
    result: *mut T,
    error: *mut Buffer,
    body: impl FnOnce() -> Result<T, Failure>,
) -> i32 {
    static QUIET: Once = Once::new();
    // A panic message may quote the input, which belongs in no log.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(Failure::broken()));
    match outcome {
        Ok(value) => {
            result.write(value);
            OK
        }
        Err(failure) => {
            error.write(Buffer::from(failure.message.into_bytes()));
            failure.status
        }
    }
}
