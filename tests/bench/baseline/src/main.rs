//! An empty function of `lambda_http`: it answers each request with the same bytes.

use lambda_http::{Body, Error, Request, Response, http::header::CONTENT_TYPE, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let answer = std::env::var("ANSWER").unwrap_or_default();
    let handler = async |_: Request| {
        let response = Response::builder().header(CONTENT_TYPE, "application/json");
        Ok::<_, Error>(response.body(Body::from(answer.as_str()))?)
    };
    run(service_fn(handler)).await
}
