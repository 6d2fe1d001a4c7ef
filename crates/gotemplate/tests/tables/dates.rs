//! Dates and durations. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ date "2006-01-02T15:04:05Z07:00" 0 }}"#, Ok("1970-01-01T00:00:00Z")),
        (r#"{{ date "Mon Jan _2 15:04:05 2006" 1500000000 }}"#, Ok("Fri Jul 14 02:40:00 2017")),
        (r#"{{ date "Monday, January 2, 2006 3:04PM" 1500000000 }}"#, Ok("Friday, July 14, 2017 2:40AM")),
        (
            r#"{{ date "02/01/06 03:04:05.000 pm MST -0700" 1500000000 }}"#,
            Ok("14/07/17 02:40:00.000 am UTC +0000"),
        ),
        (r#"{{ date "002 __2 2006" 1500000000 }}"#, Ok("195 195 2017")),
        (
            r#"{{ date "Jan January Mon Monday 1 01 2 02 _2 15 3 03 4 04 5 05 06 PM pm -07 -07:00 Z0700 Z07:00 .000 .999 ,000" 1500000000 }}"#,
            Ok("Jul July Fri Friday 7 07 14 14 14 02 2 02 40 40 0 00 17 AM am +00 +00:00 Z Z .000  ,000"),
        ),
        (r#"{{ date "" 0 }}"#, Ok("")),
        (
            r#"{{ date "Month Janus Monk 2006x _2006 0102 20060102150405" 0 }}"#,
            Ok("Month Janus Monk 1970x _1970 0101 19700101000000"),
        ),
        (
            r#"{{ dateInZone "2006-01-02 15:04:05 MST -0700" 1500000000 "America/New_York" }}"#,
            Ok("2017-07-13 22:40:00 EDT -0400"),
        ),
        (r#"{{ dateInZone "2006-01-02 15:04 MST" 1510000000 "Europe/Berlin" }}"#, Ok("2017-11-06 21:26 CET")),
        (r#"{{ date_in_zone "15:04 MST" 0 "Nope/Zone" }}"#, Ok("00:00 UTC")),
        (
            r#"{{ dateInZone "15:04 Z07:00:00 -07:00:00 -070000" 0 "Asia/Kolkata" }}"#,
            Ok("05:30 +05:30:00 +05:30:00 +053000"),
        ),
        (r#"{{ dateInZone "MST" 1500000000 "America/Sao_Paulo" }}"#, Ok("-03")),
        (r#"{{ dateInZone "2006-01-02 15:04:05" (int64 -5000000000) "UTC" }}"#, Ok("1811-07-23 15:06:40")),
        (r#"{{ dateInZone "2006" 0 "" }}"#, Ok("1970")),
        ("{{ htmlDate 0 }}", Ok("1970-01-01")),
        (r#"{{ htmlDateInZone 0 "Asia/Tokyo" }}"#, Ok("1970-01-01")),
        (r#"{{ toDate "2006-01-02" "2017-12-31" | date "02/01/2006" }}"#, Ok("31/12/2017")),
        (r#"{{ (toDate "2006-01-02" "2017-12-31").Unix }}"#, Ok("1514678400")),
        (r#"{{ toDate "2006-01-02" "x" }}"#, Ok("0001-01-01 00:00:00 +0000 UTC")),
        (r#"{{ unixEpoch (toDate "2006-01-02" "2017-12-31") }}"#, Ok("1514678400")),
        (
            r#"{{ mustToDate "2006-01-02T15:04:05Z07:00" "2017-02-03T10:00:00+02:00" }}"#,
            Ok("2017-02-03 10:00:00 +0200 +0200"),
        ),
        (
            r#"{{ mustToDate "2006-01-02T15:04:05Z07:00" "2017-02-03T10:00:00.123Z" }}"#,
            Ok("2017-02-03 10:00:00.123 +0000 UTC"),
        ),
        (
            r#"{{ mustToDate "2006-01-02 15:04:05 MST" "2017-02-03 10:00:00 EST" }}"#,
            Ok("2017-02-03 10:00:00 +0000 EST"),
        ),
        (r#"{{ mustToDate "Jan 2 2006 3:04PM" "feb 3 2017 10:11AM" }}"#, Ok("2017-02-03 10:11:00 +0000 UTC")),
        (r#"{{ mustToDate "2006 002" "2016 060" }}"#, Ok("2016-02-29 00:00:00 +0000 UTC")),
        (
            r#"{{ mustToDate "Mon, 02 Jan 2006 15:04:05 MST" "Mon, 03 Feb 2017 10:00:00 GMT+3" }}"#,
            Ok("2017-02-03 13:00:00 +0300 GMT+3"),
        ),
        (r#"{{ mustToDate "06" "68" }}"#, Ok("2068-01-01 00:00:00 +0000 UTC")),
        (r#"{{ mustToDate "06" "69" }}"#, Ok("1969-01-01 00:00:00 +0000 UTC")),
        (r#"{{ mustToDate "15:04:05.000" "10:11:12.345" }}"#, Ok("0000-01-01 10:11:12.345 +0000 UTC")),
        (
            r#"{{ mustToDate "2006-01-02T15:04:05-0700" "2017-02-03T10:00:00-0730" }}"#,
            Ok("2017-02-03 10:00:00 -0730 -0730"),
        ),
        (r#"{{ mustToDate "_2 Jan 2006" " 3 Feb 2017" }}"#, Ok("2017-02-03 00:00:00 +0000 UTC")),
        (
            r#"{{ toDate "2006-01-02" "2017-12-31" | dateModify "-36h" }}"#,
            Ok("2017-12-29 12:00:00 +0000 UTC"),
        ),
        (
            r#"{{ toDate "2006-01-02" "2017-12-31" | date_modify "1.5h10m" | date "2006-01-02 15:04:05" }}"#,
            Ok("2017-12-31 01:40:00"),
        ),
        (r#"{{ dateModify "x" (toDate "2006-01-02" "2017-12-31") }}"#, Ok("2017-12-31 00:00:00 +0000 UTC")),
        (
            r#"{{ mustDateModify "1h" (toDate "2006-01-02" "2017-12-31") | toJson }}"#,
            Ok(r#""2017-12-31T01:00:00Z""#),
        ),
        (r#"{{ duration "95" }}"#, Ok("1m35s")),
        ("{{ duration 95 }}", Ok("0s")),
        ("{{ duration (int64 3661) }}", Ok("1h1m1s")),
        (r#"{{ duration "x" }}"#, Ok("0s")),
        (r#"{{ duration "-5" }}"#, Ok("-5s")),
        (r#"{{ durationRound "2h10m5s" }}"#, Ok("2h")),
        (r#"{{ durationRound "2400h10m5s" }}"#, Ok("3mo")),
        (r#"{{ durationRound "59s" }}"#, Ok("59s")),
        (r#"{{ durationRound "x" }}"#, Ok("0s")),
        ("{{ durationRound (int64 3600000000001) }}", Ok("1h")),
        (r#"{{ durationRound "-3h" }}"#, Ok("3h")),
        (r#"{{ durationRound "9000h" }}"#, Ok("1y")),
        (r#"{{ durationRound "1m" }}"#, Ok("60s")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ mustToDate "2006-01-02" "x" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustToDate "2006-01-02" "x">: error calling mustToDate: parsing time "x" as "2006-01-02": cannot parse "x" as "2006""#,
            ),
        ),
        (
            r#"{{ mustToDate "2006-01-02" "2017-13-01" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustToDate "2006-01-02" "2017-13-01">: error calling mustToDate: parsing time "2017-13-01": month out of range"#,
            ),
        ),
        (
            r#"{{ mustToDate "2006-01-02" "2017-02-30" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustToDate "2006-01-02" "2017-02-30">: error calling mustToDate: parsing time "2017-02-30": day out of range"#,
            ),
        ),
        (
            r#"{{ mustToDate "2006-01-02" "2017-02-03x" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustToDate "2006-01-02" "2017-02-03x">: error calling mustToDate: parsing time "2017-02-03x": extra text: "x""#,
            ),
        ),
        (
            r#"{{ mustToDate "2006-01-02 15:04" "2017-02-03 25:00" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustToDate "2006-01-02 15:04" "2017-02-03 25:00">: error calling mustToDate: parsing time "2017-02-03 25:00": hour out of range"#,
            ),
        ),
        (
            r#"{{ mustDateModify "x" (toDate "2006-01-02" "2017-12-31") }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustDateModify "x" (toDate "2006-01-02" "2017-12-31")>: error calling mustDateModify: time: invalid duration "x""#,
            ),
        ),
        (
            r#"{{ mustDateModify "1" (toDate "2006-01-02" "2017-12-31") }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustDateModify "1" (toDate "2006-01-02" "2017-12-31")>: error calling mustDateModify: time: missing unit in duration "1""#,
            ),
        ),
        (
            r#"{{ mustDateModify "1q" (toDate "2006-01-02" "2017-12-31") }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustDateModify "1q" (toDate "2006-01-02" "2017-12-31")>: error calling mustDateModify: time: unknown unit "q" in duration "1q""#,
            ),
        ),
        (
            r#"{{ dateModify "1h" "x" }}"#,
            Err(r#"template: t:1:19: executing "t" at <"x">: can't handle "x" for arg of type time.Time"#),
        ),
        (
            r#"{{ (toDate "2006" "2017").Nope }}"#,
            Err(
                r#"template: t:1:18: executing "t" at <"2017">: can't evaluate field Nope in type time.Time"#,
            ),
        ),
        ("{{ date 1 2 }}", Err(r#"template: t:1:8: executing "t" at <1>: expected string; found 1"#)),
        (
            r#"{{ unixEpoch "x" }}"#,
            Err(r#"template: t:1:13: executing "t" at <"x">: can't handle "x" for arg of type time.Time"#),
        ),
        (
            "{{ unixEpoch .n }}",
            Err(
                r#"template: t:1:13: executing "t" at <.n>: wrong type for value; expected time.Time; got interface {}"#,
            ),
        ),
        (
            r#"{{ dateModify "1h" nil }}"#,
            Err(r#"template: t:1:19: executing "t" at <nil>: cannot assign nil to time.Time"#),
        ),
    ]);
}
