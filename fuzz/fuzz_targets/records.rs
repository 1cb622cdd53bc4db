//! Bytes off the wire: decode, normalise, prepare, assemble.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    fuzz::oracles::check(fuzz::records::read(input));
});
