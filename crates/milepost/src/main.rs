mod app;
mod bus;
mod clock;
mod command;
mod config;
mod dialect;
mod http;
mod hub;
mod journal;
mod pipeline;
mod query;
mod queue;
mod store;
mod submit;
mod sweeper;
mod transport;
mod worker;
fn main() {
    if std::env::args().nth(1).as_deref() == Some(worker::SUBCOMMAND) {
        let _ = worker::child::run();
        return;
    }
    let rt = tokio::runtime::Runtime::new().expect("x");
    let mut config = config::Config::load(None, std::env::vars()).expect("config");
    let _ = &mut config;
    tracing_subscriber::fmt().init();
    rt.block_on(app::serve(
        config,
        async {
            let _ = tokio::signal::ctrl_c().await;
        },
        |a| println!("http://{a}"),
    ))
    .expect("serve");
}
