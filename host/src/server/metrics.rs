//! Metrics for CloudWatch (`MCP_METRICS=emf`): for each request a line of JSON on stderr, from which CloudWatch
//! extracts metrics.
//!
//! Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{process::log::output, server::outcome::RequestOutcome};

/// The namespace of the metrics.
const NAMESPACE: &str = "McpLayerHost";

/// Writes the metrics of one Lambda function.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// The function's name; `None` outside of Lambda.
    pub(crate) function: Option<String>,
}

/// The facts about a request from which its metrics are computed.
pub(crate) struct RequestMetrics<'a> {
    pub(crate) request_id: &'a str,
    /// The name of a tool that is served. Other names are left out, because each name creates a new metric.
    pub(crate) tool: Option<&'a str>,
    pub(crate) outcome: RequestOutcome,
    pub(crate) milliseconds: f64,
    /// The size of the response. Unit: bytes.
    pub(crate) sent: usize,
    pub(crate) is_cold: bool,
}

impl Metrics {
    pub(crate) fn emit(&self, request: &RequestMetrics<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        let line = self.line(request, u64::try_from(now).unwrap_or_default());
        output::print(&line.to_string());
    }

    /// Returns the line for a request at the time `now`. Unit of `now`: milliseconds since 1970.
    fn line(&self, request: &RequestMetrics<'_>, now: u64) -> Value {
        let of_function: Vec<_> = self.function.iter().map(|_| "FunctionName").collect();
        let mut dimensions = vec![of_function.clone()];
        if request.tool.is_some() {
            dimensions.push([of_function, vec!["Tool"]].concat());
        }
        let is_error = !matches!(
            request.outcome,
            RequestOutcome::Ok | RequestOutcome::InputRequired | RequestOutcome::Abandoned
        );
        let mut line = json!({
            "_aws": {
                "Timestamp": now,
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": dimensions,
                    "Metrics": [
                        { "Name": "Requests", "Unit": "Count" },
                        { "Name": "Errors", "Unit": "Count" },
                        { "Name": "ColdStarts", "Unit": "Count" },
                        { "Name": "Duration", "Unit": "Milliseconds" },
                        { "Name": "ResponseSize", "Unit": "Bytes" },
                    ],
                }],
            },
            "Requests": 1,
            "Errors": u8::from(is_error),
            "ColdStarts": u8::from(request.is_cold),
            "Duration": request.milliseconds,
            "ResponseSize": request.sent,
            "Outcome": request.outcome.as_str(),
            "RequestId": request.request_id,
        });
        if let Some(function) = &self.function {
            line["FunctionName"] = function.as_str().into();
        }
        if let Some(tool) = request.tool {
            line["Tool"] = tool.into();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_and_dimension_has_its_value_in_the_line() {
        for (function, tool, dimensions) in [
            (
                Some("f"),
                Some("greet"),
                json!([["FunctionName"], ["FunctionName", "Tool"]]),
            ),
            (Some("f"), None, json!([["FunctionName"]])),
            (None, Some("greet"), json!([[], ["Tool"]])),
        ] {
            let metrics = Metrics {
                function: function.map(str::to_owned),
            };
            for (outcome, errors) in [
                (RequestOutcome::Ok, 0),
                (RequestOutcome::InputRequired, 0),
                (RequestOutcome::ToolError, 1),
                (RequestOutcome::TimedOut, 1),
            ] {
                let request = RequestMetrics {
                    request_id: "r",
                    tool,
                    outcome,
                    milliseconds: 1.5,
                    sent: 100,
                    is_cold: true,
                };
                let line = metrics.line(&request, 7);
                assert_eq!(line["Errors"], errors);
                let directive = &line["_aws"]["CloudWatchMetrics"][0];
                assert_eq!(directive["Dimensions"], dimensions);
                for metric in directive["Metrics"].as_array().expect("metrics") {
                    let name = metric["Name"].as_str().expect("a name");
                    assert!(line[name].is_number(), "{name}");
                }
                for name in dimensions
                    .as_array()
                    .expect("sets")
                    .iter()
                    .flat_map(|set| set.as_array().expect("names"))
                {
                    assert!(line[name.as_str().expect("a name")].is_string(), "{name}");
                }
            }
        }
    }
}
