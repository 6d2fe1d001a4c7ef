//! Arithmetic on decimal fractions, so that `addf 0.1 0.2` is `0.3`: numbers become decimals, are computed exactly,
//! and become floats again.

use num_bigint::BigInt;

use super::convert::to_float;
use crate::exec::FuncError;
use crate::functions::{Functions, Params, Type};
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let any = Params::variadic(&[], Type::Any);
    let some = Params::variadic(&[Type::Any], Type::Any);
    functions.insert("add1f", Params::fixed(&[Type::Any]), |_, args| {
        fold(&args[0], &[Value::Int(1)], |left, right| Ok(left.add(right)))
    });
    functions.insert("addf", any, |_, args| fold(&Value::Int(0), args, |left, right| Ok(left.add(right))));
    functions.insert("subf", some, |_, args| {
        fold(&args[0], &args[1..], |left, right| Ok(left.add(Decimal { digits: -right.digits, ..right })))
    });
    functions
        .insert("mulf", some, |_, args| fold(&args[0], &args[1..], |left, right| Ok(left.multiply(&right))));
    functions.insert("divf", some, |_, args| fold(&args[0], &args[1..], Decimal::divide));
}

fn fold(
    first: &Value,
    rest: &[Value],
    operation: fn(Decimal, Decimal) -> Result<Decimal, FuncError>,
) -> Result<Value, FuncError> {
    let mut total = Decimal::new(to_float(first))?;
    for value in rest {
        total = operation(total, Decimal::new(to_float(value))?)?;
        if total.exponent.unsigned_abs() > MAX_EXPONENT {
            return Err("decimal has too many digits".into());
        }
    }
    Ok(Value::Float(total.to_float()))
}

/// Digits after the point that a division computes.
const DIVISION_DIGITS: i64 = 16;
/// Largest exponent of ten that a chain of operations may reach; a float has at most 324.
const MAX_EXPONENT: u64 = 20_000;

/// `digits * 10^exponent`
struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads back as the number.
    fn new(number: f64) -> Result<Self, FuncError> {
        if !number.is_finite() {
            return Err(format!("Cannot create a Decimal from {}", crate::fmt::float(number)).into());
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let places = i64::try_from(fraction.len()).unwrap_or(0);
        let exponent = exponent.parse::<i64>().unwrap_or(0) - places;
        Ok(Self { digits: format!("{whole}{fraction}").parse().unwrap_or_default(), exponent })
    }

    fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }

    /// The digits with a smaller or equal exponent.
    fn scaled(&self, exponent: i64) -> BigInt {
        let zeros = u32::try_from(self.exponent - exponent).unwrap_or(0);
        &self.digits * BigInt::from(10).pow(zeros)
    }

    fn add(self, other: Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.scaled(exponent) + other.scaled(exponent), exponent }
    }

    fn multiply(self, other: &Self) -> Self {
        Self { digits: self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }

    /// Rounded to the 16th digit after the point, halves away from zero.
    fn divide(self, other: Self) -> Result<Self, FuncError> {
        let zero = BigInt::ZERO;
        if other.digits == zero {
            return Err("decimal division by 0".into());
        }
        // self / other * 10^16 as a fraction of whole numbers.
        let shift = DIVISION_DIGITS + self.exponent - other.exponent;
        let power = |zeros: i64| BigInt::from(10).pow(u32::try_from(zeros.max(0)).unwrap_or(0));
        let (numerator, denominator) = (self.digits * power(shift), other.digits * power(-shift));
        let quotient = &numerator / &denominator;
        let rest = &numerator % &denominator;
        let negative = (numerator < zero) != (denominator < zero);
        let twice = (rest * 2_u8).magnitude().clone();
        let away = if twice < *denominator.magnitude() { 0 } else { 1 };
        let digits = if negative { quotient - away } else { quotient + away };
        Ok(Self { digits, exponent: -DIVISION_DIGITS })
    }
}
