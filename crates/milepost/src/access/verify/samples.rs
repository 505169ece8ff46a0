//! Credentials that other libraries made, for tests and the fuzzer. `jose` 5 signed
//! the tokens, with keys that were thrown away; `next-auth` 4.24 made `SESSION` and
//! `LONG_SESSION`, `jose` and Node's `crypto` the other sessions. They end in 2125
//! or later, where nothing else is said. Never: part of a server.

/// The secret of HS256 and of the NextAuth site.
pub const SECRET: &str = "a secret of the page, at least 32 bytes";
/// A public key.
#[cfg(test)]
pub const RSA_PEM: &str = include_str!("samples/rsa.pem");
/// A public key.
pub const EC_PEM: &str = include_str!("samples/ec.pem");
/// A public key.
#[cfg(test)]
pub const ED_PEM: &str = include_str!("samples/ed.pem");
/// The same key as an entry of a key set, with its kind in small letters as its id.
#[cfg(test)]
pub const RSA_JWK: &str = include_str!("samples/rsa.jwk.json");
/// The same key as an entry of a key set, with its kind in small letters as its id.
#[cfg(test)]
pub const EC_JWK: &str = include_str!("samples/ec.jwk.json");
/// The same key as an entry of a key set, with its kind in small letters as its id.
#[cfg(test)]
pub const ED_JWK: &str = include_str!("samples/ed.jwk.json");
#[cfg(test)]
/// Of the owner `ada`, a reader.
pub const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhZGEiLCJleHAiOjQ5MDAwMDAwMDAsInJvbGVzIjpbInJlYWRlciJdfQ.seOBIEh9EPatU3TWRdTqbRtIZlB_YOizQXkRYd7SYfp25xorooxY4BNDrrVq9EWQM6bc4S022lcmOxLs8qyRUG-m9NjjHUYxHQiQET4u73UifhHxVbC-SyRjnBRBtehVlvGnypzxYALk1mDTZFLBtuktivkAa7DQP7Z9xBgXk3eZxkHO9GJRhTCMEWWssCsxAA2nwjpgopCHTi8NwgbF0nVshWQMpcwN1biByUfJYBw3j2g5wtWK0bGUOHGOTj4f6dnDqS8DDAdAAk3AfxOxU4oeJJDUdcm7LW5jglkQyph8A2Yux9fA8ZLcFbFnwEWI_gglKH2PvXpckAimIJ2BIg";
#[cfg(test)]
/// Of the owner `ada`, a reader.
pub const EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVjIn0.eyJzdWIiOiJhZGEiLCJleHAiOjQ5MDAwMDAwMDAsInJvbGVzIjpbInJlYWRlciJdfQ.eAz0cNVDWbkOZjHKGyA85LWBHf7CM0n8gUBYUfn0dHvtTCb7072boY_p43HtE_Tfn5chaSCZc9z0-UecspYSwA";
#[cfg(test)]
/// Of the owner `ada`, a reader.
pub const ED_TOKEN: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkIn0.eyJzdWIiOiJhZGEiLCJleHAiOjQ5MDAwMDAwMDAsInJvbGVzIjpbInJlYWRlciJdfQ.43pLt7_EZFV0c6ndGsL5iiIl2TBUmZWV55VPhGV_1jmMKN5ijvBl71-VPxuk2XMPp0eWHh2yt6tzOS8FlMTrCw";
#[cfg(test)]
/// Of the owner `ada`, with the role `admin`.
pub const SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..N4PnJJRgqsuXUOn7.C_T9lxiCjA8aEj-HkcXJ1zRtsWZti3yvY2Uwl7XlptJbWIuFCFcSawy-7JVpR_-qW53Y7U36Nk0tIq9XV8o1M1R1NlgqQ4kARCfB0EYqlvvb5CllKgA9VlphQTcfp5j8fTHs61KD8qTAmgQMpnO5Ppmhxu55z-Jre2E7-pvymGlK0pXtM2cogAnZ8cqyDcDUCXiGU1Q.uF2zr8lagaS_mw4ig6HWJg";
#[cfg(test)]
/// Only an owner and an end.
pub const BARE_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..g_ekjlH6NLyhB3L8.JNaQ4TKl9tisW-M4Kj680yOwgFIX5dNVJdVGO2Xy.R95sDQtkj-YCS_SNn0UGDw";
#[cfg(test)]
/// With `typ` in its header.
pub const TYPED_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwidHlwIjoiSldUIn0..DddK9tMoqJZ1ohGk.MhukS4hsQobske2N3N91byHv1ok37ETTlvyYUcpo.ckxPkw_EUurSxA4ivKB9QQ";
#[cfg(test)]
/// Ended in 2017.
pub const EXPIRED_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..bCROc93bcl9cwMid.9Ck3eMBzLZYJLUryosnxexTcl13483WChV5a1mtz.ZtD-D_7wbwnngzGqeXQCyw";
#[cfg(test)]
/// Without an end.
pub const ENDLESS_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.._DXN38bmogzQf10p.-qPSwa_1v4ziXKMkgA.n_wsH-1zHGbhRVzR-edCbw";
#[cfg(test)]
/// As Auth.js makes them.
pub const NEWER_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiM0lvQzFzUGkyOURqSm9xV0Y5ZC03MFNuVXhmcXpiRm02TEo0UGo0VldibWJQa3dFZllwRHYtTE5KajN5UWFQNnBUZlhjenBHZVRfN2lzYktQUTY3amcifQ..9IS9vH1CdsnsupoCwnxOAw.C9N-UC_RGsu3YaT3fIHCMcjyddcahs_W9_6O7kYc7-A.qmboVsL8QMpOjzwITNSSUEcp65FZsfrsDZWnUlpsEBI";
#[cfg(test)]
/// With `zip` in its header, and packed.
pub const ZIPPED_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0..wYrzPSIrcn5csGeg.TUmjy5kYdjD5XaGHIc86DXLpnmekHCgOBJo.z8nEZZFv2dE57kkX1Doxsw";
#[cfg(test)]
/// With `crit` in its header.
pub const CRITICAL_SESSION: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiY3JpdCI6WyJ4Il0sIngiOjF9..8ZBIFFOYRnhvXPN5.Com1fhILBd4VNZCQ7FcrayrZYag93x2hKzMrKS9V.7gyXVGmZ0ZuiM6kvDQ7X0w";
/// Longer than one cookie can be.
#[cfg(test)]
pub const LONG_SESSION: &str = include_str!("samples/long-session.txt");
