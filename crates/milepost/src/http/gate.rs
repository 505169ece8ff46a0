//! What every request passes before its handler: whether a foreign page sent it, who
//! sent it, and whether they may call this route at all. Enters: requests. Leaves: the
//! same with their [`Principal`], or a refusal. Never: decides about one thing; that
//! is for whoever finds it.

use std::hash::Hash;
use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::Method;
use axum::http::request::Parts;
use milepost_core::Scope;

use super::bounds::Pass;
use super::credentials::{Presented, presented};
use super::guard::{self, Origins};
use super::own;
use super::problem::{Code, Problem};
use super::routes::{Rule, Rules};
use crate::access::{Access, Credential, Principal, Refused};
use crate::config::Proxy;

/// Who opens a socket, as far as that is known by then.
#[derive(Clone, Debug)]
pub struct Opening(pub Result<Option<Arc<Principal>>, Refused>);

/// The gate; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    pub(super) access: Access,
    pub(super) origins: Origins,
    pub(super) rules: Rules,
    pub(super) proxies: Arc<[Proxy]>,
}

impl Gate {
    /// Lets a request in.
    ///
    /// # Errors
    /// Why not.
    pub async fn admit(&self, request: &mut Parts, pass: &mut Pass) -> Result<(), Problem> {
        pass.arrives()?;
        guard::origin(request, &self.origins, self.access.is_off())?;
        if !self.access.is_off() {
            // Wherever it is sent, it is in the logs.
            presented(request)?;
        }
        // What has no rule has no handler, but for the pages of the documentation.
        let Some(rule) = self.rule(request) else { return Ok(()) };
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&request.method);
        let foreign = !safe && guard::sent_by_another_site(&request.headers);
        if rule == Rule::Open {
            // Nobody is signed in or out by a page of another site.
            return if foreign { Err(sent_by_a_stranger()) } else { Ok(()) };
        }
        let known = self.who(request).await;
        match &known {
            Ok(Some(principal)) => pass.belongs_to(&principal.caller)?,
            // A page can have its visitors send any nonsense.
            Err(Refused::Unauthenticated(_)) if !guard::sent_by_another_site(&request.headers) => {
                pass.bounds.login_failed(pass.client, credential(request))?;
            }
            _ => {}
        }
        if rule == Rule::Socket {
            if matches!(known, Err(Refused::InUrl)) {
                return Err(Problem::from(Refused::InUrl));
            }
            request.extensions.insert(Opening(known.map(|known| known.map(Arc::new))));
            return Ok(());
        }
        let nobody = || Refused::Unauthenticated(NOTHING.to_owned());
        let principal = Arc::new(known?.ok_or_else(nobody)?);
        // Also for whoever keeps what was refused to whom.
        request.extensions.insert(principal.clone());
        if foreign && principal.credential.is_cookie() {
            return Err(sent_by_a_stranger());
        }
        let may = match rule {
            Rule::Needs(scope) => principal.caller.may(scope),
            Rule::Known => principal.caller.only().is_none(),
            _ => true,
        };
        if may { Ok(()) } else { Err(forbidden(&principal)) }
    }

    fn rule(&self, request: &Parts) -> Option<Rule> {
        let path = request.extensions.get::<MatchedPath>()?;
        self.rules.of(path.as_str(), &request.method)
    }

    /// Whether work or a document may come in by it.
    pub fn submits(&self, request: &Parts) -> bool {
        let rule = self.rule(request);
        let submits = [Rule::Needs(Scope::Submit), Rule::Of(Scope::Submit)];
        let brings = [Method::POST, Method::PUT].contains(&request.method);
        brings && rule.is_some_and(|rule| submits.contains(&rule))
    }

    /// Who sends it; `None` where it does not say.
    async fn who(&self, request: &Parts) -> Result<Option<Principal>, Refused> {
        if self.access.is_off() {
            return Ok(Some(Access::local()));
        }
        match presented(request)? {
            Presented::Bearer { token, in_url, beside } => {
                if let Some(beside) = beside
                    && self.access.bearer(&beside, true).await == Err(Refused::InUrl)
                {
                    return Err(Refused::InUrl);
                }
                self.access.bearer(&token, in_url).await.map(Some)
            }
            Presented::Cookies => {
                let encrypted = own::is_encrypted(request, &self.proxies);
                let Some(known) = self.access.cookies(&request.headers, encrypted).await else {
                    return Ok(None);
                };
                known.map(Some)
            }
        }
    }
}

/// What was wrong. Of cookies, others change beside the session's.
fn credential(request: &Parts) -> impl Hash {
    match presented(request) {
        Ok(Presented::Bearer { token, .. }) => Some(token),
        _ => None,
    }
}

/// What somebody is told who presents nothing.
pub const NOTHING: &str =
    "Say who you are: send `Authorization: Bearer` with an API key or a token.";

/// It may have been sent behind the back of whoever is signed in.
fn sent_by_a_stranger() -> Problem {
    Problem::new(Code::Forbidden, "A page of another site sent this with the session's cookie.")
}

/// They are known, and may not do that.
pub fn forbidden(principal: &Principal) -> Problem {
    let detail = match principal.credential {
        Credential::Job { .. } => "This token reads one job, and nothing else.",
        Credential::Key(_) => "This API key does not have the scope for that.",
        _ => "You may not do that.",
    };
    Problem::new(Code::Forbidden, detail)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated(why) => Self::new(Code::Unauthenticated, why),
            Refused::InUrl => Self::new(
                Code::CredentialInUrl,
                "A credential in a URL ends up in logs and histories. Send it as \
                 `Authorization: Bearer`; `?token=` takes a job's token or a JSON Web Token that \
                 ends within an hour.",
            ),
            Refused::Unavailable => Self::new(
                Code::Unavailable,
                "What credentials are checked with is out of reach; try again in a moment.",
            ),
        }
    }
}
