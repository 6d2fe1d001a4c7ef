//! Network policies and what Services lead to.

use super::{is_empty, list, port_number};
use crate::field::FieldError;
use serde_json::Value;
use std::net::IpAddr;

pub(super) const BAD_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
pub(super) const BAD_RANGE: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// True for a range such as `10.0.0.0/8`.
pub(super) fn is_range(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| {
        let most = if address.contains(':') { 128 } else { 32 };
        address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    })
}

/// A NetworkPolicy.
pub(super) fn policy(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in list(&spec[rules]).enumerate() {
            let field = format!("spec.{rules}[{index}]");
            for (index, port) in list(&rule["ports"]).enumerate() {
                if port["port"].is_number() {
                    port_number(&port["port"], &format!("{field}.ports[{index}].port"), errors);
                }
            }
            for (index, peer) in list(&rule[peers]).enumerate() {
                let place = format!("{field}.{peers}[{index}]");
                if ["podSelector", "namespaceSelector", "ipBlock"].iter().all(|key| peer[*key].is_null()) {
                    errors.push(FieldError::required(&place, "must specify a peer"));
                }
                if let Some(range) = peer["ipBlock"]["cidr"].as_str().filter(|range| !is_range(range)) {
                    errors.push(FieldError::invalid_text(&format!("{place}.ipBlock.cidr"), range, BAD_RANGE));
                }
            }
        }
    }
    for (index, kind) in list(&spec["policyTypes"]).enumerate() {
        if !matches!(kind.as_str(), Some("Ingress" | "Egress")) {
            let supported = ["Ingress", "Egress"];
            errors.push(FieldError::not_supported(&format!("spec.policyTypes[{index}]"), kind, &supported));
        }
    }
}

/// An EndpointSlice.
pub(super) fn slice(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let kind = &object["addressType"];
    let supported = ["FQDN", "IPv4", "IPv6"];
    if !kind.as_str().is_some_and(|kind| supported.contains(&kind)) {
        errors.push(FieldError::not_supported("addressType", kind, &supported));
    }
    for (index, endpoint) in list(&object["endpoints"]).enumerate() {
        let field = format!("endpoints[{index}].addresses");
        if is_empty(&endpoint["addresses"]) {
            errors.push(FieldError::required(&field, "must contain at least 1 address"));
        }
        for (index, address) in list(&endpoint["addresses"]).enumerate() {
            if kind != "FQDN" && address.as_str().is_none_or(|a| a.parse::<IpAddr>().is_err()) {
                errors.push(FieldError::invalid(&format!("{field}[{index}]"), address, BAD_ADDRESS));
            }
        }
    }
    if let Some(old) = old {
        super::immutable(&old["addressType"], kind, "addressType", errors);
    }
}

/// Endpoints.
pub(super) fn endpoints(object: &Value, errors: &mut Vec<FieldError>) {
    for (index, subset) in list(&object["subsets"]).enumerate() {
        let field = format!("subsets[{index}]");
        for (index, address) in list(&subset["addresses"]).enumerate() {
            let place = format!("{field}.addresses[{index}].ip");
            if address["ip"].as_str().is_none_or(|ip| ip.parse::<IpAddr>().is_err()) {
                for why in [BAD_ADDRESS, "must be a valid IP address"] {
                    errors.push(FieldError::invalid(&place, &address["ip"], why));
                }
            }
        }
        for (index, port) in list(&subset["ports"]).enumerate() {
            port_number(&port["port"], &format!("{field}.ports[{index}].port"), errors);
        }
    }
}
