//! Dates and times as each language writes them. Fluent has no dates yet, so they are written here and passed in.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::Language;

struct Names {
    /// Abbreviated, Monday first.
    weekdays: [&'static str; 7],
    /// In the form that follows a day: in Slavic languages the genitive.
    months: [&'static str; 12],
}

const EN: Names = Names {
    weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};
const DE: Names = Names {
    weekdays: ["Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."],
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
};
const PL: Names = Names {
    weekdays: ["pon.", "wt.", "śr.", "czw.", "pt.", "sob.", "niedz."],
    months: [
        "stycznia",
        "lutego",
        "marca",
        "kwietnia",
        "maja",
        "czerwca",
        "lipca",
        "sierpnia",
        "września",
        "października",
        "listopada",
        "grudnia",
    ],
};
const RU: Names = Names {
    weekdays: ["пн", "вт", "ср", "чт", "пт", "сб", "вс"],
    months: [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
};
const UK: Names = Names {
    weekdays: ["пн", "вт", "ср", "чт", "пт", "сб", "нд"],
    months: [
        "січня",
        "лютого",
        "березня",
        "квітня",
        "травня",
        "червня",
        "липня",
        "серпня",
        "вересня",
        "жовтня",
        "листопада",
        "грудня",
    ],
};

/// The day: `Fri 5 March 2027`.
#[must_use]
pub fn day(language: Language, date: NaiveDate) -> String {
    let names = match language {
        Language::En => &EN,
        Language::De => &DE,
        Language::Pl => &PL,
        Language::Ru => &RU,
        Language::Uk => &UK,
    };
    let weekday = names.weekdays[date.weekday().num_days_from_monday() as usize];
    let month = names.months[date.month0() as usize];
    let (day, year) = (date.day(), date.year());
    match language {
        Language::En => format!("{weekday} {day} {month} {year}"),
        Language::De => format!("{weekday}, {day}. {month} {year}"),
        Language::Pl => format!("{weekday}, {day} {month} {year}"),
        Language::Ru => format!("{weekday}, {day} {month} {year} г."),
        Language::Uk => format!("{weekday}, {day} {month} {year} р."),
    }
}

/// The day and the time: `Fri 5 March 2027, 15:00`.
#[must_use]
pub fn moment(language: Language, at: NaiveDateTime) -> String {
    let day = day(language, at.date());
    let time = time(at);
    match language {
        Language::De => format!("{day}, {time} Uhr"),
        _ => format!("{day}, {time}"),
    }
}

/// The day and the time where every character counts, without the year: `5 Mar 15:00`.
#[must_use]
pub fn moment_short(language: Language, at: NaiveDateTime) -> String {
    let (day, month, time) = (at.day(), at.month(), time(at));
    match language {
        Language::En => format!("{day} {} {time}", &EN.months[at.month0() as usize][..3]),
        Language::De => format!("{day}.{month}. {time}"),
        Language::Pl => format!("{day}.{month:02} {time}"),
        Language::Ru | Language::Uk => format!("{day:02}.{month:02} {time}"),
    }
}

fn time(at: NaiveDateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(year, month, day).unwrap().and_hms_opt(hour, minute, 59).unwrap()
    }

    #[test]
    fn each_language_has_its_own_form() {
        let friday = at(2027, 3, 5, 15, 0);
        for (language, long, short) in [
            (Language::En, "Fri 5 March 2027, 15:00", "5 Mar 15:00"),
            (Language::De, "Fr., 5. März 2027, 15:00 Uhr", "5.3. 15:00"),
            (Language::Pl, "pt., 5 marca 2027, 15:00", "5.03 15:00"),
            (Language::Ru, "пт, 5 марта 2027 г., 15:00", "05.03 15:00"),
            (Language::Uk, "пт, 5 березня 2027 р., 15:00", "05.03 15:00"),
        ] {
            assert_eq!(moment(language, friday), long);
            assert_eq!(moment_short(language, friday), short);
        }
    }

    #[test]
    fn every_month_and_weekday_has_its_name() {
        // 2027-02-01 is a Monday; the days of that week are the first to the seventh.
        for (language, weekdays, months) in [
            (
                Language::En,
                "Mon Tue Wed Thu Fri Sat Sun",
                "January February March April May June July August September October November December",
            ),
            (
                Language::De,
                "Mo. Di. Mi. Do. Fr. Sa. So.",
                "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            ),
            (
                Language::Pl,
                "pon. wt. śr. czw. pt. sob. niedz.",
                "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
            ),
            (
                Language::Ru,
                "пн вт ср чт пт сб вс",
                "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
            ),
            (
                Language::Uk,
                "пн вт ср чт пт сб нд",
                "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
            ),
        ] {
            for (index, weekday) in (1..).zip(weekdays.split(' ')) {
                let text = day(language, at(2027, 2, index, 0, 0).date());
                assert!(text.starts_with(weekday), "{text}");
            }
            for (index, month) in (1..).zip(months.split(' ')) {
                let text = day(language, at(2027, index, 9, 0, 0).date());
                assert!(text.contains(&format!(" {month} 2027")), "{text}");
            }
        }
    }

    #[test]
    fn midnight_and_minutes_have_two_digits() {
        assert_eq!(moment(Language::En, at(2026, 12, 31, 0, 5)), "Thu 31 December 2026, 00:05");
        assert_eq!(moment_short(Language::De, at(2026, 12, 31, 9, 5)), "31.12. 09:05");
    }
}
