#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| milepost::fuzzing::chunk(bytes));
