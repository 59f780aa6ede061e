//! Tests of the codec through its public face.

mod decode;
mod encode;
