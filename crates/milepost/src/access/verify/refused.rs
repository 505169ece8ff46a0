//! Why a credential was not accepted. Enters: what was found wrong. Leaves: a
//! message for whoever sent it. Never: repeats any of the credential.

use super::MAX_TOKEN;

/// A credential that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is wrong; the answer is 401.
    #[error(transparent)]
    Unauthenticated(#[from] Reason),
    /// Nobody can say; the answer is 503.
    #[error("The keys to verify the token with cannot be fetched; try again in some seconds.")]
    Unavailable,
}

/// What is wrong with a credential, fit for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not three parts, not base64url, not JSON.
    #[error("This is not a JSON Web Token; send it whole, as it was issued.")]
    Malformed,
    /// Longer than [`MAX_TOKEN`].
    #[error("The token is longer than {MAX_TOKEN} bytes; have fewer claims put into it.")]
    TooLong,
    /// `none`, or one that is not known here.
    #[error(
        "The token's algorithm is not accepted; have it signed with HS256, RS256, ES256 or EdDSA."
    )]
    Algorithm,
    /// `crit` (RFC 7515, 4.1.11).
    #[error("The token demands an extension (`crit`) that is not known here.")]
    Critical,
    /// One of the server's own.
    #[error("This is the token of a job, which says nothing of who you are.")]
    JobToken,
    /// A `typ` of another use (RFC 8725, 3.11).
    #[error("The token's type (`typ`) is of another use; send an access token.")]
    Type,
    /// No key fits.
    #[error("The token was signed with a key that is not known here; sign in again.")]
    UnknownKey,
    /// The key fits, the signature does not.
    #[error("The token's signature is wrong; send it as it was issued, or sign in again.")]
    Signature,
    /// `exp` is over, or would be at every time.
    #[error("The credential has expired; sign in again.")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("The credential is not valid yet; if it is new, the issuer's clock is ahead of ours.")]
    NotYetValid,
    /// There is no `exp`.
    #[error("The credential has no end (`exp`); have it issued with one.")]
    Endless,
    /// `exp`, `nbf` or `iat` is no number.
    #[error("The credential's `{0}` is not a number of seconds.")]
    Time(&'static str),
    /// `iss` is missing or another.
    #[error("The token's issuer (`iss`) is not accepted here.")]
    Issuer,
    /// `aud` is missing or another.
    #[error("The token is not meant for this server (`aud`); ask for one that is.")]
    Audience,
    /// The owner's claim.
    #[error(
        "The credential does not say who you are: the claim that names the owner is missing, \
         empty, longer than 255 bytes, or holds what is no name."
    )]
    Owner,
    /// The roles' claim.
    #[error("The credential's claim of roles is neither a text nor a list of texts.")]
    Roles,
    /// One name, several contents.
    #[error(
        "A session cookie came twice with different contents; delete this site's cookies and sign \
         in again."
    )]
    CookieTwice,
    /// A part of a session is missing, or it is larger than any browser's.
    #[error("The parts of the session cookie do not make a whole; sign in again.")]
    Parts,
    /// Not one of ours, or damaged.
    #[error("The session cookie cannot be decrypted; sign in again.")]
    Undecipherable,
    /// Of Auth.js, also known as NextAuth 5.
    #[error(
        "The session is of Auth.js (NextAuth 5), which is not supported yet; use NextAuth 4, or \
         send a JSON Web Token."
    )]
    NewerSession,
}
