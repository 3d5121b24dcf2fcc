### Texts for guests. The English file says which messages there are and which variables each has.
###
### A message in a thread is built of paragraphs: greeting, <kind>-thread, codes, confirm, times, works-from, help,
### closing. A text message is built of lines: <kind>-sms, confirm, times, works-from, help-sms; where that is too
### long, <kind>-sms-nameless, and at last <kind>-sms-short, confirm-short, times-short, works-from-short.
###
### $codes is one PIN, or one line for each door. $count says how many different codes there are.

## Pieces of threads

greeting = Hello { $name },
greeting-nameless = Hello,
closing = We wish you a pleasant stay.

## The first message: the code and when it works.

code-ready-subject = Your door code for { $unit }
code-ready-thread =
    { $count ->
        [one] Here is your door code for { $unit }.
       *[other] Here are your door codes for { $unit }.
    }
code-ready-sms =
    { $count ->
        [one] Hello { $name }, your door code for { $unit }: { $codes }
       *[other] Hello { $name }, your door codes for { $unit }: { $codes }
    }
code-ready-sms-nameless =
    { $count ->
        [one] Hello, your door code for { $unit }: { $codes }
       *[other] Hello, your door codes for { $unit }: { $codes }
    }
code-ready-sms-short = Door code for { $unit }: { $codes }

## Same code, other times.

times-changed-subject = New times for your stay at { $unit }
times-changed-thread =
    { $count ->
        [one] The times of your stay at { $unit } have changed. Your door code stays the same.
       *[other] The times of your stay at { $unit } have changed. Your door codes stay the same.
    }
times-changed-sms =
    { $count ->
        [one] Hello { $name }, the times of your stay at { $unit } have changed. Your door code stays the same: { $codes }
       *[other] Hello { $name }, the times of your stay at { $unit } have changed. Your door codes stay the same: { $codes }
    }
times-changed-sms-nameless =
    { $count ->
        [one] Hello, the times of your stay at { $unit } have changed. Your door code stays the same: { $codes }
       *[other] Hello, the times of your stay at { $unit } have changed. Your door codes stay the same: { $codes }
    }
times-changed-sms-short = New times for { $unit }. Door code: { $codes }

## Another unit: $previous is the one before.

moved-subject = Your stay is now at { $unit }
moved-thread = Your accommodation has changed from { $previous } to { $unit }.
moved-sms =
    { $count ->
        [one] Hello { $name }, your accommodation has changed from { $previous } to { $unit }. Your door code: { $codes }
       *[other] Hello { $name }, your accommodation has changed from { $previous } to { $unit }. Your door codes: { $codes }
    }
moved-sms-nameless =
    { $count ->
        [one] Hello, your accommodation has changed from { $previous } to { $unit }. Your door code: { $codes }
       *[other] Hello, your accommodation has changed from { $previous } to { $unit }. Your door codes: { $codes }
    }
moved-sms-short = New accommodation: { $unit }. Door code: { $codes }

## Same unit, other doors.

door-changed-subject = Your access to { $unit } has changed
door-changed-thread =
    { $count ->
        [one] Your access to { $unit } has changed. Please use the door code below.
       *[other] Your access to { $unit } has changed. Please use the door codes below.
    }
door-changed-sms =
    { $count ->
        [one] Hello { $name }, your access to { $unit } has changed. Your door code: { $codes }
       *[other] Hello { $name }, your access to { $unit } has changed. Your door codes: { $codes }
    }
door-changed-sms-nameless =
    { $count ->
        [one] Hello, your access to { $unit } has changed. Your door code: { $codes }
       *[other] Hello, your access to { $unit } has changed. Your door codes: { $codes }
    }
door-changed-sms-short = New access to { $unit }. Door code: { $codes }

## Another code.

code-changed-subject = New door code for { $unit }
code-changed-thread =
    { $count ->
        [one] You have a new door code for { $unit }. It replaces the previous one.
       *[other] You have new door codes for { $unit }. They replace the previous ones.
    }
code-changed-sms =
    { $count ->
        [one] Hello { $name }, your new door code for { $unit }: { $codes }
       *[other] Hello { $name }, your new door codes for { $unit }: { $codes }
    }
code-changed-sms-nameless =
    { $count ->
        [one] Hello, your new door code for { $unit }: { $codes }
       *[other] Hello, your new door codes for { $unit }: { $codes }
    }
code-changed-sms-short = New door code for { $unit }: { $codes }

## Codes

codes =
    { $count ->
        [one] Door code: { $codes }
       *[other] Door codes: { $codes }
    }
codes-shared = This code opens: { $doors }
door = { $door }: { $pin }
door-confirm = { $door }: { $pin }, then press { $key }
confirm = Enter the code, then press { $key }.
confirm-short = Then press { $key }
key-check = the key with the tick
key-enter = the Enter key
key-hash = the # key
key-key = the button with the key symbol
key-star = the * key

## Times

times =
    Check-in: from { $start }
    Check-out: by { $end }
times-short = { $start } - { $end }
works-from =
    { $count ->
        [one] The code works from { $moment }.
       *[other] The codes work from { $moment }.
    }
works-from-short = Access from { $moment }

## Help

help = If you need help, please contact: { $contact }
help-sms = Help: { $contact }
