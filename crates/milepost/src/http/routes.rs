//! The table of all routes, each with the rule for who may call it. Enters: handlers.
//! Leaves: a router, its description, and its rules. Never: takes in a route without
//! a rule.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::MethodRouter;
use milepost_core::Scope;
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::Services;
use super::form::Form;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whoever reaches the server.
    Open,
    /// Whoever says who they are.
    Known,
    /// Whoever has this scope: it is about no one thing, or about all of one's own.
    Needs(Scope),
    /// Whoever is known. It is about one thing, and once that is found, the policy says
    /// whether they may do this with it.
    Of(Scope),
    /// Whoever says who they are on the socket, if not before.
    Socket,
}

/// The rules, by path and method, and the forms of refusals, by path.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<(ByPath, HashMap<String, Form>)>);

type ByPath = HashMap<String, Vec<(Method, Rule)>>;

impl Rules {
    /// The rule of the route at `path`, as it was registered. `None`: there is no
    /// handler for this method.
    pub fn of(&self, path: &str, method: &Method) -> Option<Rule> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let found = self.0.0.get(path)?.iter().find(|(known, _)| known == method);
        found.map(|(_, rule)| *rule)
    }

    /// How refusals are said at `path`, where not as problem details.
    pub fn form(&self, path: &str) -> Option<Form> {
        self.0.1.get(path).copied()
    }
}

/// Routes, each with its rule and its description.
#[derive(Default)]
pub struct Routes {
    router: OpenApiRouter<Services>,
    rules: ByPath,
    forms: HashMap<String, Form>,
}

impl Routes {
    /// One more path with its methods, all under `rule`.
    #[must_use]
    pub fn add(mut self, rule: Rule, routes: UtoipaMethodRouter<Services>) -> Self {
        let (schemas, mut paths, handlers) = routes;
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                if let Some(operation) = operation {
                    describe(operation, rule);
                    self.rules.entry(path.clone()).or_default().push((method, rule));
                }
            }
        }
        self.router = self.router.routes((schemas, paths, handlers));
        self
    }

    /// One more route of a protocol that other systems describe: it is not in our own
    /// description, and its refusals are said as `form` does.
    #[must_use]
    pub fn on(
        mut self,
        form: Form,
        rule: Rule,
        method: Method,
        path: &str,
        handler: MethodRouter<Services>,
    ) -> Self {
        self.rules.entry(path.to_owned()).or_default().push((method, rule));
        self.forms.insert(path.to_owned(), form);
        self.router = self.router.route(path, handler);
        self
    }

    /// Describes what is said on a socket, which is in no call.
    #[must_use]
    pub fn says<T: ToSchema>(mut self) -> Self {
        let mut all = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut all);
        let components = self.router.get_openapi_mut().components.get_or_insert_default();
        components.schemas.extend(all);
        self
    }

    /// Every path and method that has a rule, in order.
    #[cfg(test)]
    pub fn table(&self) -> Vec<(String, Method, Rule)> {
        let mut rows = Vec::new();
        for (path, rules) in &self.rules {
            rows.extend(rules.iter().map(|(method, rule)| (path.clone(), method.clone(), *rule)));
        }
        rows.sort_by(|a, b| (&a.0, a.1.as_str()).cmp(&(&b.0, b.1.as_str())));
        rows
    }

    /// These and the others.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        for (path, rules) in other.rules {
            self.rules.entry(path).or_default().extend(rules);
        }
        self.forms.extend(other.forms);
        self
    }

    /// The router, what it is described as, and its rules.
    pub fn split(self) -> (Router<Services>, OpenApi, Rules) {
        let (router, mut api) = self.router.split_for_parts();
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let bearer = bearer.description(Some("An API key, a JSON Web Token, or a token of a job"));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        let token =
            ApiKeyValue::with_description("token", "A token of a job, or a short-lived one");
        components.add_security_scheme("token", SecurityScheme::ApiKey(ApiKey::Query(token)));
        (router, api, Rules(Arc::new((self.rules, self.forms))))
    }
}

/// Where the description says by which rule a call is decided.
const RULE_FIELD: &str = "x-milepost-rule";

fn operations(item: &mut PathItem) -> [(Method, Option<&mut Operation>); 5] {
    [
        (Method::GET, item.get.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
        (Method::PATCH, item.patch.as_mut()),
    ]
}

/// What every route of a rule answers, where the handler has not said it better.
fn describe(operation: &mut Operation, rule: Rule) {
    let word = match rule {
        Rule::Open => "open".to_owned(),
        Rule::Known => "known".to_owned(),
        Rule::Needs(scope) => format!("needs:{}", scope.as_str()),
        Rule::Of(scope) => format!("of:{}", scope.as_str()),
        Rule::Socket => "socket".to_owned(),
    };
    let rule_field = ExtensionsBuilder::new().add(RULE_FIELD, word).build();
    operation.extensions.get_or_insert_default().merge(rule_field);
    let mut common = vec![
        ("400", "The request is not well-formed"),
        (
            "403",
            "The origin or the name of the server is not allowed, or the caller may not do that",
        ),
        ("414", "The URL is too long"),
        ("503", "A part of the server is not available now"),
    ];
    if rule != Rule::Open {
        common.push(("401", "The caller is not known"));
        common.push(("429", "More than allowed; see `Retry-After`"));
        let none: [&str; 0] = [];
        operation.security = Some(vec![
            SecurityRequirement::new("bearer", none),
            SecurityRequirement::new("token", none),
            // Without authentication nothing is needed.
            SecurityRequirement::default(),
        ]);
    }
    if operation.request_body.is_some() {
        common.push(("408", "The body came too slowly"));
    }
    let problem = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let answers = &mut operation.responses.responses;
    for (status, description) in common {
        let response = ResponseBuilder::new().description(description);
        let response = response.content("application/problem+json", problem());
        answers.entry(status.to_owned()).or_insert(response.build().into());
    }
    // The library says so by itself.
    let response = ResponseBuilder::new().description("The headers are too long").build();
    answers.entry("431".to_owned()).or_insert(response.into());
}
