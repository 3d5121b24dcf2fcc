### Texte für Gäste.

greeting = Guten Tag { $name },
greeting-nameless = Guten Tag,
closing = Wir wünschen Ihnen einen angenehmen Aufenthalt.

code-ready-subject = Ihr Türcode für { $unit }
code-ready-thread =
    { $count ->
        [one] hier ist Ihr Türcode für { $unit }.
       *[other] hier sind Ihre Türcodes für { $unit }.
    }
code-ready-sms =
    { $count ->
        [one] Guten Tag { $name }, Ihr Türcode für { $unit }: { $codes }
       *[other] Guten Tag { $name }, Ihre Türcodes für { $unit }: { $codes }
    }
code-ready-sms-nameless =
    { $count ->
        [one] Guten Tag, Ihr Türcode für { $unit }: { $codes }
       *[other] Guten Tag, Ihre Türcodes für { $unit }: { $codes }
    }
code-ready-sms-short = Türcode für { $unit }: { $codes }

times-changed-subject = Neue Zeiten für Ihren Aufenthalt: { $unit }
times-changed-thread =
    { $count ->
        [one] die Zeiten Ihres Aufenthalts ({ $unit }) haben sich geändert. Ihr Türcode bleibt gleich.
       *[other] die Zeiten Ihres Aufenthalts ({ $unit }) haben sich geändert. Ihre Türcodes bleiben gleich.
    }
times-changed-sms =
    { $count ->
        [one] Guten Tag { $name }, die Zeiten Ihres Aufenthalts ({ $unit }) haben sich geändert. Ihr Türcode bleibt gleich: { $codes }
       *[other] Guten Tag { $name }, die Zeiten Ihres Aufenthalts ({ $unit }) haben sich geändert. Ihre Türcodes bleiben gleich: { $codes }
    }
times-changed-sms-nameless =
    { $count ->
        [one] Guten Tag, die Zeiten Ihres Aufenthalts ({ $unit }) haben sich geändert. Ihr Türcode bleibt gleich: { $codes }
       *[other] Guten Tag, die Zeiten Ihres Aufenthalts ({ $unit }) haben sich geändert. Ihre Türcodes bleiben gleich: { $codes }
    }
times-changed-sms-short = Neue Zeiten: { $unit }. Türcode: { $codes }

moved-subject = Ihre neue Unterkunft: { $unit }
moved-thread = Ihre Unterkunft hat sich geändert: { $unit } statt { $previous }.
moved-sms =
    { $count ->
        [one] Guten Tag { $name }, Ihre Unterkunft hat sich geändert: { $unit } statt { $previous }. Ihr Türcode: { $codes }
       *[other] Guten Tag { $name }, Ihre Unterkunft hat sich geändert: { $unit } statt { $previous }. Ihre Türcodes: { $codes }
    }
moved-sms-nameless =
    { $count ->
        [one] Guten Tag, Ihre Unterkunft hat sich geändert: { $unit } statt { $previous }. Ihr Türcode: { $codes }
       *[other] Guten Tag, Ihre Unterkunft hat sich geändert: { $unit } statt { $previous }. Ihre Türcodes: { $codes }
    }
moved-sms-short = Neue Unterkunft: { $unit }. Türcode: { $codes }

door-changed-subject = Ihr neuer Zugang: { $unit }
door-changed-thread =
    { $count ->
        [one] Ihr Zugang ({ $unit }) hat sich geändert. Bitte verwenden Sie den folgenden Türcode.
       *[other] Ihr Zugang ({ $unit }) hat sich geändert. Bitte verwenden Sie die folgenden Türcodes.
    }
door-changed-sms =
    { $count ->
        [one] Guten Tag { $name }, Ihr Zugang ({ $unit }) hat sich geändert. Ihr Türcode: { $codes }
       *[other] Guten Tag { $name }, Ihr Zugang ({ $unit }) hat sich geändert. Ihre Türcodes: { $codes }
    }
door-changed-sms-nameless =
    { $count ->
        [one] Guten Tag, Ihr Zugang ({ $unit }) hat sich geändert. Ihr Türcode: { $codes }
       *[other] Guten Tag, Ihr Zugang ({ $unit }) hat sich geändert. Ihre Türcodes: { $codes }
    }
door-changed-sms-short = Neuer Zugang: { $unit }. Türcode: { $codes }

code-changed-subject = Ihr neuer Türcode für { $unit }
code-changed-thread =
    { $count ->
        [one] Sie haben einen neuen Türcode für { $unit }. Er ersetzt den bisherigen.
       *[other] Sie haben neue Türcodes für { $unit }. Diese ersetzen die bisherigen.
    }
code-changed-sms =
    { $count ->
        [one] Guten Tag { $name }, Ihr neuer Türcode für { $unit }: { $codes }
       *[other] Guten Tag { $name }, Ihre neuen Türcodes für { $unit }: { $codes }
    }
code-changed-sms-nameless =
    { $count ->
        [one] Guten Tag, Ihr neuer Türcode für { $unit }: { $codes }
       *[other] Guten Tag, Ihre neuen Türcodes für { $unit }: { $codes }
    }
code-changed-sms-short = Neuer Türcode für { $unit }: { $codes }

codes =
    { $count ->
        [one] Türcode: { $codes }
       *[other] Türcodes: { $codes }
    }
codes-shared = Dieser Code öffnet: { $doors }
door = { $door }: { $pin }
door-confirm = { $door }: { $pin }, dann { $key } drücken
confirm = Geben Sie den Code ein und drücken Sie dann { $key }.
confirm-short = Danach { $key } drücken
key-check = die Taste mit dem Häkchen
key-enter = die Enter-Taste
key-hash = die Taste #
key-key = die Taste mit dem Schlüsselsymbol
key-star = die Taste *

times =
    Anreise: ab { $start }
    Abreise: bis { $end }
times-short = { $start } - { $end }
works-from =
    { $count ->
        [one] Der Code funktioniert ab { $moment }.
       *[other] Die Codes funktionieren ab { $moment }.
    }
works-from-short = Zugang ab { $moment }

help = Wenn Sie Hilfe benötigen, wenden Sie sich bitte an: { $contact }
help-sms = Hilfe: { $contact }
