use super::{is_empty, label, port_number};
use crate::field::FieldError;
use serde_json::Value;
use std::collections::HashSet;

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
