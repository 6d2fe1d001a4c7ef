//! Resource quantities: `100m`, `1.5Gi`, `2e3`.

use std::cmp::Ordering;
use std::str::FromStr;

/// An amount with the way it is written. Two quantities are equal when their amounts are, however they are written.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    /// Amount = mantissa × 10^scale; no trailing zeros in the mantissa.
    mantissa: i128,
    scale: i32,
    form: Form,
}

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `m`, `k`, `M`…
    Decimal,
    /// `Ki`, `Mi`…
    Binary,
    /// `e3`
    Exponent,
}

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no quantity: expected a number with an optional suffix such as m, k, Mi or e3")]
pub struct BadQuantity(String);

/// Longer numbers are refused; amounts of the API have at most 19 digits.
const MAX_DIGITS: usize = 30;

/// Nothing is smaller than a billionth; smaller amounts are rounded away from zero.
const NANO: i32 = -9;

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl FromStr for Quantity {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        Parts::read(text)
            .and_then(|parts| parts.quantity())
            .ok_or_else(|| BadQuantity(text.chars().take(40).collect()))
    }
}

/// A quantity as it stands in the text.
struct Parts<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    form: Form,
    /// Power of ten, or of two for binary suffixes.
    power: i32,
}

impl<'t> Parts<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let end = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = unsigned.split_at(end(unsigned));
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(end(rest)),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > MAX_DIGITS {
            return None;
        }
        let decimal =
            DECIMAL.iter().find(|(name, _)| *name == suffix).map(|(_, power)| (Form::Decimal, *power));
        let binary = || {
            BINARY
                .iter()
                .find(|(name, _)| *name == suffix)
                .map(|(_, power)| (Form::Binary, power.cast_signed()))
        };
        let exponent = || {
            let digits = suffix.strip_prefix(['e', 'E'])?;
            let power: i32 = digits.parse().ok()?;
            (power.abs() <= 30).then_some((Form::Exponent, power))
        };
        let (form, power) = decimal.or_else(binary).or_else(exponent)?;
        Some(Self { negative, whole, fraction, form, power })
    }

    fn digits(&self) -> Option<i128> {
        format!("0{}{}", self.whole, self.fraction).parse().ok()
    }

    fn quantity(&self) -> Option<Quantity> {
        let mut mantissa = self.digits()?;
        let mut scale = -i32::try_from(self.fraction.len()).ok()?;
        match self.form {
            Form::Binary => {
                mantissa = mantissa.checked_mul(1i128.checked_shl(self.power.cast_unsigned())?)?
            }
            Form::Decimal | Form::Exponent => scale += self.power,
        }
        while scale < NANO && mantissa != 0 {
            mantissa = mantissa / 10 + i128::from(mantissa % 10 != 0);
            scale += 1;
        }
        while mantissa % 10 == 0 && mantissa != 0 {
            mantissa /= 10;
            scale += 1;
        }
        let scale = if mantissa == 0 { 0 } else { scale };
        Some(Quantity { mantissa: if self.negative { -mantissa } else { mantissa }, scale, form: self.form })
    }

    /// True for texts that the API server keeps although it could write them shorter: it looks at the digits only.
    fn is_kept(&self) -> bool {
        let digits = format!("{}{}", self.whole, self.fraction);
        match self.form {
            Form::Binary => self.fraction.is_empty() && self.digits().is_some_and(|value| value % 8 != 0),
            Form::Decimal | Form::Exponent => {
                let scale = self.power - i32::try_from(self.fraction.len()).unwrap_or(1);
                scale >= NANO
                    && scale % 3 == 0
                    && digits.len() < 18
                    && !digits.ends_with("000")
                    && !digits.starts_with('0')
            }
        }
    }
}

impl Quantity {
    /// The text as the API server stores it: `1000m` becomes `1`, `1024Mi` becomes `1Gi`, `0.5` becomes `500m`.
    ///
    /// # Errors
    /// [`BadQuantity`] when the text is none.
    pub fn canonical(text: &str) -> Result<String, BadQuantity> {
        let quantity: Self = text.parse()?;
        if Parts::read(text).is_some_and(|parts| parts.is_kept()) {
            return Ok(text.to_owned());
        }
        Ok(quantity.to_text())
    }

    fn to_text(self) -> String {
        if self.mantissa == 0 {
            return "0".into();
        }
        if self.form == Form::Binary
            && let Some(mut whole) = self.as_integer()
            && whole.abs() >= 1024
        {
            let mut steps = 0;
            while whole % 1024 == 0 && steps < BINARY.len() {
                whole /= 1024;
                steps += 1;
            }
            let suffix = steps.checked_sub(1).and_then(|i| BINARY.get(i)).map_or("", |(name, _)| name);
            return format!("{whole}{suffix}");
        }
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale % 3 != 0 {
            mantissa *= 10;
            scale -= 1;
        }
        let suffix = DECIMAL.iter().find(|(_, power)| *power == scale).map(|(name, _)| *name);
        match (self.form, suffix) {
            (Form::Exponent, _) if scale != 0 => format!("{mantissa}e{scale}"),
            (_, Some(suffix)) => format!("{mantissa}{suffix}"),
            _ => format!("{mantissa}e{scale}"),
        }
    }

    fn as_integer(self) -> Option<i128> {
        let factor = 10i128.checked_pow(u32::try_from(self.scale).ok()?)?;
        self.mantissa.checked_mul(factor)
    }

    /// The amount in billionths, which orders all quantities; `None` when it is too large to count so.
    fn nanos(self) -> Option<i128> {
        let factor = 10i128.checked_pow(u32::try_from(self.scale - NANO).ok()?)?;
        self.mantissa.checked_mul(factor)
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.nanos(), other.nanos()) {
            (Some(a), Some(b)) => a.cmp(&b),
            // Mantissas have no trailing zeros, so equal amounts are equal in both parts.
            _ if (self.mantissa, self.scale) == (other.mantissa, other.scale) => Ordering::Equal,
            _ => {
                let approximate = |q: &Self| q.mantissa as f64 * 10f64.powi(q.scale);
                approximate(self).total_cmp(&approximate(other))
            }
        }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_become_what_the_server_stores() {
        let check =
            |text: &str, expected: &str| assert_eq!(Quantity::canonical(text).unwrap(), expected, "{text}");
        check("1", "1");
        check("1000m", "1");
        check("1500m", "1500m");
        check("0.5", "500m");
        check("1.5", "1500m");
        check("1.500", "1.500"); // kept: its digits look canonical
        check("1024Mi", "1Gi");
        check("1.5Gi", "1536Mi");
        check("0.5Ki", "512");
        check("1025Mi", "1025Mi");
        check("1000k", "1M");
        check("1e3", "1e3");
        check("10e3", "10e3");
        check("1000e3", "1e6");
        check("0.1n", "1n");
        check("-1000m", "-1");
        check("0", "0");
        check("00", "0");
        check("0Mi", "0");
        check("2Ei", "2Ei");
        check(".5", "500m");
        check("5.", "5."); // kept as well
    }

    #[test]
    fn what_is_no_quantity_is_named() {
        for text in ["", "x", "1x", "1 Mi", "--1", ".", "1.2.3", "1e", "1KI"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
        assert_eq!(
            "1x".parse::<Quantity>().unwrap_err().to_string(),
            "'1x' is no quantity: expected a number with an optional suffix such as m, k, Mi or e3"
        );
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_the_same_amount(digits in 1u64..1_000_000_000, fraction in 0u32..1000, suffix in "(n|u|m||k|M|G|T|Ki|Mi|Gi|Ti|e2|e-3)") {
            let text = format!("{digits}.{fraction}{suffix}");
            let canonical = Quantity::canonical(&text).unwrap();
            prop_assert_eq!(text.parse::<Quantity>().unwrap(), canonical.parse::<Quantity>().unwrap(), "{} {}", &text, &canonical);
        }
    }
}
