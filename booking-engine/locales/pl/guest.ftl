### Teksty dla gości.

greeting = Dzień dobry, { $name }!
greeting-nameless = Dzień dobry!
closing = Życzymy udanego pobytu.

code-ready-subject = Kod do drzwi: { $unit }
code-ready-thread =
    { $count ->
        [one] Przesyłamy kod do drzwi ({ $unit }).
       *[other] Przesyłamy kody do drzwi ({ $unit }).
    }
code-ready-sms =
    { $count ->
        [one] Dzień dobry, { $name }! Kod do drzwi ({ $unit }): { $codes }
       *[other] Dzień dobry, { $name }! Kody do drzwi ({ $unit }): { $codes }
    }
code-ready-sms-nameless =
    { $count ->
        [one] Dzień dobry! Kod do drzwi ({ $unit }): { $codes }
       *[other] Dzień dobry! Kody do drzwi ({ $unit }): { $codes }
    }
code-ready-sms-short = Kod do drzwi, { $unit }: { $codes }

times-changed-subject = Zmiana terminu pobytu: { $unit }
times-changed-thread =
    { $count ->
        [one] Termin pobytu ({ $unit }) uległ zmianie. Kod do drzwi pozostaje bez zmian.
       *[other] Termin pobytu ({ $unit }) uległ zmianie. Kody do drzwi pozostają bez zmian.
    }
times-changed-sms =
    { $count ->
        [one] Dzień dobry, { $name }! Termin pobytu ({ $unit }) uległ zmianie. Kod do drzwi bez zmian: { $codes }
       *[other] Dzień dobry, { $name }! Termin pobytu ({ $unit }) uległ zmianie. Kody do drzwi bez zmian: { $codes }
    }
times-changed-sms-nameless =
    { $count ->
        [one] Dzień dobry! Termin pobytu ({ $unit }) uległ zmianie. Kod do drzwi bez zmian: { $codes }
       *[other] Dzień dobry! Termin pobytu ({ $unit }) uległ zmianie. Kody do drzwi bez zmian: { $codes }
    }
times-changed-sms-short = Nowy termin pobytu, { $unit }. Kod do drzwi: { $codes }

moved-subject = Nowe miejsce pobytu: { $unit }
moved-thread = Miejsce pobytu uległo zmianie. Nowe miejsce: { $unit } (poprzednio: { $previous }).
moved-sms =
    { $count ->
        [one] Dzień dobry, { $name }! Nowe miejsce pobytu: { $unit } (poprzednio: { $previous }). Kod do drzwi: { $codes }
       *[other] Dzień dobry, { $name }! Nowe miejsce pobytu: { $unit } (poprzednio: { $previous }). Kody do drzwi: { $codes }
    }
moved-sms-nameless =
    { $count ->
        [one] Dzień dobry! Nowe miejsce pobytu: { $unit } (poprzednio: { $previous }). Kod do drzwi: { $codes }
       *[other] Dzień dobry! Nowe miejsce pobytu: { $unit } (poprzednio: { $previous }). Kody do drzwi: { $codes }
    }
moved-sms-short = Nowe miejsce pobytu: { $unit }. Kod do drzwi: { $codes }

door-changed-subject = Zmiana dostępu: { $unit }
door-changed-thread =
    { $count ->
        [one] Dostęp ({ $unit }) uległ zmianie. Prosimy korzystać z poniższego kodu do drzwi.
       *[other] Dostęp ({ $unit }) uległ zmianie. Prosimy korzystać z poniższych kodów do drzwi.
    }
door-changed-sms =
    { $count ->
        [one] Dzień dobry, { $name }! Dostęp ({ $unit }) uległ zmianie. Kod do drzwi: { $codes }
       *[other] Dzień dobry, { $name }! Dostęp ({ $unit }) uległ zmianie. Kody do drzwi: { $codes }
    }
door-changed-sms-nameless =
    { $count ->
        [one] Dzień dobry! Dostęp ({ $unit }) uległ zmianie. Kod do drzwi: { $codes }
       *[other] Dzień dobry! Dostęp ({ $unit }) uległ zmianie. Kody do drzwi: { $codes }
    }
door-changed-sms-short = Zmiana dostępu, { $unit }. Kod do drzwi: { $codes }

code-changed-subject = Nowy kod do drzwi: { $unit }
code-changed-thread =
    { $count ->
        [one] Przesyłamy nowy kod do drzwi ({ $unit }). Zastępuje on poprzedni kod.
       *[other] Przesyłamy nowe kody do drzwi ({ $unit }). Zastępują one poprzednie kody.
    }
code-changed-sms =
    { $count ->
        [one] Dzień dobry, { $name }! Nowy kod do drzwi ({ $unit }): { $codes }
       *[other] Dzień dobry, { $name }! Nowe kody do drzwi ({ $unit }): { $codes }
    }
code-changed-sms-nameless =
    { $count ->
        [one] Dzień dobry! Nowy kod do drzwi ({ $unit }): { $codes }
       *[other] Dzień dobry! Nowe kody do drzwi ({ $unit }): { $codes }
    }
code-changed-sms-short = Nowy kod do drzwi, { $unit }: { $codes }

codes =
    { $count ->
        [one] Kod do drzwi: { $codes }
       *[other] Kody do drzwi: { $codes }
    }
codes-shared = Drzwi z tym kodem: { $doors }
door = { $door }: { $pin }
door-confirm = { $door }: { $pin }, następnie { $key }
confirm = Po wpisaniu kodu należy nacisnąć { $key }.
confirm-short = Następnie { $key }
key-check = klawisz ze znakiem zatwierdzenia
key-enter = klawisz Enter
key-hash = klawisz #
key-key = klawisz z symbolem klucza
key-star = klawisz *

times =
    Zameldowanie: od { $start }
    Wymeldowanie: do { $end }
times-short = { $start } - { $end }
works-from =
    { $count ->
        [one] Kod działa od { $moment }.
       *[other] Kody działają od { $moment }.
    }
works-from-short = Dostęp od { $moment }

help = W razie potrzeby prosimy o kontakt: { $contact }
help-sms = Pomoc: { $contact }
