use super::container::port_name_problems;
use super::network::{BAD_ADDRESS, BAD_RANGE, is_range};
use super::{is_empty, label, list, port_number};
use crate::field::FieldError;
use crate::names::{label_key_problem, subdomain_problems};
use serde_json::Value;
use std::collections::HashSet;
use std::net::IpAddr;

/// The rules of a Service.
pub(super) fn check(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    let headless = spec["clusterIP"] == "None";
    let external = spec["type"] == "ExternalName";
    if is_empty(&spec["ports"]) && !headless && !external {
        errors.push(FieldError::required("spec.ports", ""));
    }
    if external && is_empty(&spec["externalName"]) {
        errors.push(FieldError::required("spec.externalName", ""));
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !spec["type"].as_str().is_some_and(|kind| kinds.contains(&kind)) {
        errors.push(FieldError::not_supported("spec.type", &spec["type"], &kinds));
    }
    check_ports(&spec["ports"], errors);
    check_reach(spec, errors);
    if let Some(old) = old {
        check_address(old, object, errors);
    }
}

fn check_ports(ports: &Value, errors: &mut Vec<FieldError>) {
    let ports: Vec<&Value> = ports.as_array().into_iter().flatten().collect();
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    for (index, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{index}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            if ports.len() > 1 {
                errors.push(FieldError::required(&format!("{field}.name"), ""));
            }
        } else {
            label(name, &format!("{field}.name"), errors);
            if !names.insert(name) {
                errors.push(FieldError::duplicate(&format!("{field}.name"), &name.into()));
            }
        }
        port_number(&port["port"], &format!("{field}.port"), errors);
        let protocol = port["protocol"].as_str().unwrap_or_default();
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            let supported = ["SCTP", "TCP", "UDP"];
            errors.push(FieldError::not_supported(
                &format!("{field}.protocol"),
                &port["protocol"],
                &supported,
            ));
        }
        if port["targetPort"].is_number() {
            port_number(&port["targetPort"], &format!("{field}.targetPort"), errors);
        } else if let Some(name) = port["targetPort"].as_str() {
            for problem in port_name_problems(name) {
                errors.push(FieldError::invalid_text(&format!("{field}.targetPort"), name, problem));
            }
        }
        if let Some(protocol) = port["appProtocol"].as_str()
            && let Some(problem) = label_key_problem(protocol)
        {
            errors.push(FieldError::invalid_text(&format!("{field}.appProtocol"), protocol, problem));
        }
        let number = port["port"].as_i64().unwrap_or_default();
        if !numbers.insert((number, protocol)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
            );
            errors.push(FieldError::duplicate_as(&field, shown));
        }
    }
}

/// From where a Service is reached, and by what.
fn check_reach(spec: &Value, errors: &mut Vec<FieldError>) {
    let kind = spec["type"].as_str().unwrap_or_default();
    let affinity = &spec["sessionAffinity"];
    if !matches!(affinity.as_str(), None | Some("ClientIP" | "None")) {
        errors.push(FieldError::not_supported("spec.sessionAffinity", affinity, &["ClientIP", "None"]));
    }
    for (key, _) in spec["selector"].as_object().into_iter().flatten() {
        if let Some(problem) = label_key_problem(key) {
            errors.push(FieldError::invalid_text("spec.selector", key, problem));
        }
    }
    if let Some(name) =
        spec["externalName"].as_str().filter(|name| kind == "ExternalName" && !name.is_empty())
    {
        for problem in subdomain_problems(name.trim_end_matches('.')) {
            errors.push(FieldError::invalid_text("spec.externalName", name, problem));
        }
    }
    for (index, address) in list(&spec["externalIPs"]).enumerate() {
        if address.as_str().is_none_or(|address| address.parse::<IpAddr>().is_err()) {
            errors.push(FieldError::invalid(&format!("spec.externalIPs[{index}]"), address, BAD_ADDRESS));
        }
    }
    for (index, range) in list(&spec["loadBalancerSourceRanges"]).enumerate() {
        if range.as_str().is_none_or(|range| !is_range(range.trim())) {
            errors.push(FieldError::invalid(
                &format!("spec.LoadBalancerSourceRanges[{index}]"),
                range,
                BAD_RANGE,
            ));
        }
    }
    if let Some(address) = spec["clusterIP"].as_str().filter(|address| !matches!(*address, "" | "None"))
        && address.parse::<IpAddr>().is_err()
    {
        errors.push(FieldError::invalid_text("spec.clusterIPs[0]", address, BAD_ADDRESS));
    }
    let policy = &spec["externalTrafficPolicy"];
    let outside = matches!(kind, "NodePort" | "LoadBalancer") || !is_empty(&spec["externalIPs"]);
    match policy.as_str().filter(|policy| !policy.is_empty()) {
        Some(_) if !outside => {
            let why = "may only be set for externally-accessible services";
            errors.push(FieldError::invalid("spec.externalTrafficPolicy", policy, why));
        }
        Some("Cluster" | "Local") | None => {}
        Some(_) => {
            errors.push(FieldError::not_supported(
                "spec.externalTrafficPolicy",
                policy,
                &["Cluster", "Local"],
            ));
        }
    }
    if spec["clusterIP"] == "None" && matches!(kind, "NodePort" | "LoadBalancer") {
        let why = format!("may not be set to 'None' for {kind} services");
        errors.push(FieldError::invalid_text("spec.clusterIPs[0]", "None", why));
    }
    if kind == "ClusterIP" {
        for (index, port) in list(&spec["ports"]).enumerate() {
            if port["nodePort"].as_u64().is_some_and(|number| number != 0) {
                let why = "may not be used when `type` is 'ClusterIP'";
                errors.push(FieldError::forbidden(&format!("spec.ports[{index}].nodePort"), why));
            }
        }
    }
}

/// An address stays with its Service.
fn check_address(old: &Value, object: &Value, errors: &mut Vec<FieldError>) {
    let address = |o: &Value| o["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    let (before, after) = (address(old), address(object));
    let named = |o: &Value| o["spec"]["type"] == "ExternalName";
    if !before.is_empty() && before != after && !named(old) && !named(object) {
        let shown = serde_json::json!([after]);
        errors.push(FieldError::invalid("spec.clusterIPs[0]", &shown, "may not change once set"));
    }
}
