// SPDX-License-Identifier: Apache-2.0
//! The part of C's strftime that chat templates use, in UTC and English, from an argument instead
//! of the machine's clock.

const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

struct Moment {
    year: i64,
    month: i64, // 1 to 12
    day: i64,   // 1 to 31
    weekday: i64,
    day_of_year: i64, // 1 to 366
    second_of_day: i64,
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn moment(unix_seconds: i64) -> Moment {
    // Years 1970 to 9999 are all that a template's date can mean.
    let seconds = unix_seconds.clamp(0, 253_402_300_799);
    let days = seconds / 86_400;
    let mut year = 1970 + days / 366;
    let days_before = |year: i64| {
        let past = year - 1;
        past * 365 + past / 4 - past / 100 + past / 400 - 719_162
    };
    while days_before(year + 1) <= days {
        year += 1;
    }
    let mut rest = days - days_before(year);
    let day_of_year = rest + 1;
    let mut month = 1;
    while rest >= days_of_month(year, month) {
        rest -= days_of_month(year, month);
        month += 1;
    }
    Moment {
        year,
        month,
        day: rest + 1,
        weekday: (days + 4) % 7,
        day_of_year,
        second_of_day: seconds % 86_400,
    }
}

/// Formats as strftime does; a directive it does not know is an error that names it.
pub fn format(unix_seconds: i64, pattern: &str) -> Result<String, String> {
    let at = moment(unix_seconds);
    let (hour, minute, second) =
        (at.second_of_day / 3600, at.second_of_day / 60 % 60, at.second_of_day % 60);
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month_name = MONTHS[at.month as usize - 1];
    let day_name = DAYS[at.weekday as usize];
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut directive = chars.next().unwrap_or('%');
        // "%-d" drops the padding.
        let padded = directive != '-';
        if !padded {
            directive = chars.next().unwrap_or('-');
        }
        let number = |value: i64, width: usize| {
            if padded {
                format!("{value:0width$}")
            } else {
                value.to_string()
            }
        };
        text += &match directive {
            'Y' => at.year.to_string(),
            'y' => number(at.year % 100, 2),
            'm' => number(at.month, 2),
            'd' => number(at.day, 2),
            'e' => format!("{:2}", at.day),
            'j' => number(at.day_of_year, 3),
            'H' => number(hour, 2),
            'I' => number(hour12, 2),
            'M' => number(minute, 2),
            'S' => number(second, 2),
            'p' => (if hour < 12 { "AM" } else { "PM" }).to_string(),
            'B' => month_name.to_string(),
            'b' | 'h' => month_name[..3].to_string(),
            'A' => day_name.to_string(),
            'a' => day_name[..3].to_string(),
            'w' => at.weekday.to_string(),
            'F' => format!("{}-{:02}-{:02}", at.year, at.month, at.day),
            'D' => format!("{:02}/{:02}/{:02}", at.month, at.day, at.year % 100),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            'R' => format!("{hour:02}:{minute:02}"),
            'Z' => "UTC".to_string(),
            'z' => "+0000".to_string(),
            's' => unix_seconds.to_string(),
            'n' => "\n".to_string(),
            't' => "\t".to_string(),
            '%' => "%".to_string(),
            other => return Err(format!("strftime_now does not know %{other}")),
        };
    }
    Ok(text)
}
