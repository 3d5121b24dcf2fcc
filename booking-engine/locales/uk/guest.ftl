### Тексти для гостей.

greeting = Доброго дня, { $name }!
greeting-nameless = Доброго дня!
closing = Бажаємо Вам приємного перебування.

code-ready-subject = Код від дверей: { $unit }
code-ready-thread =
    { $count ->
        [one] Надсилаємо Вам код від дверей («{ $unit }»).
       *[other] Надсилаємо Вам коди від дверей («{ $unit }»).
    }
code-ready-sms =
    { $count ->
        [one] Доброго дня, { $name }! Код від дверей («{ $unit }»): { $codes }
       *[other] Доброго дня, { $name }! Коди від дверей («{ $unit }»): { $codes }
    }
code-ready-sms-nameless =
    { $count ->
        [one] Доброго дня! Код від дверей («{ $unit }»): { $codes }
       *[other] Доброго дня! Коди від дверей («{ $unit }»): { $codes }
    }
code-ready-sms-short = Код від дверей, { $unit }: { $codes }

times-changed-subject = Змінився термін проживання: { $unit }
times-changed-thread =
    { $count ->
        [one] Термін Вашого проживання («{ $unit }») змінився. Код від дверей залишається без змін.
       *[other] Термін Вашого проживання («{ $unit }») змінився. Коди від дверей залишаються без змін.
    }
times-changed-sms =
    { $count ->
        [one] Доброго дня, { $name }! Термін проживання («{ $unit }») змінився. Код від дверей без змін: { $codes }
       *[other] Доброго дня, { $name }! Термін проживання («{ $unit }») змінився. Коди від дверей без змін: { $codes }
    }
times-changed-sms-nameless =
    { $count ->
        [one] Доброго дня! Термін проживання («{ $unit }») змінився. Код від дверей без змін: { $codes }
       *[other] Доброго дня! Термін проживання («{ $unit }») змінився. Коди від дверей без змін: { $codes }
    }
times-changed-sms-short = Новий термін, { $unit }. Код: { $codes }

moved-subject = Нове місце проживання: { $unit }
moved-thread = Місце Вашого проживання змінилося: тепер це «{ $unit }» замість «{ $previous }».
moved-sms =
    { $count ->
        [one] Доброго дня, { $name }! Нове місце проживання: «{ $unit }» замість «{ $previous }». Код від дверей: { $codes }
       *[other] Доброго дня, { $name }! Нове місце проживання: «{ $unit }» замість «{ $previous }». Коди від дверей: { $codes }
    }
moved-sms-nameless =
    { $count ->
        [one] Доброго дня! Нове місце проживання: «{ $unit }» замість «{ $previous }». Код від дверей: { $codes }
       *[other] Доброго дня! Нове місце проживання: «{ $unit }» замість «{ $previous }». Коди від дверей: { $codes }
    }
moved-sms-short = Нове місце: { $unit }. Код: { $codes }

door-changed-subject = Змінився доступ: { $unit }
door-changed-thread =
    { $count ->
        [one] Змінився доступ до «{ $unit }». Будь ласка, використовуйте код, зазначений нижче.
       *[other] Змінився доступ до «{ $unit }». Будь ласка, використовуйте коди, зазначені нижче.
    }
door-changed-sms =
    { $count ->
        [one] Доброго дня, { $name }! Змінився доступ до «{ $unit }». Код від дверей: { $codes }
       *[other] Доброго дня, { $name }! Змінився доступ до «{ $unit }». Коди від дверей: { $codes }
    }
door-changed-sms-nameless =
    { $count ->
        [one] Доброго дня! Змінився доступ до «{ $unit }». Код від дверей: { $codes }
       *[other] Доброго дня! Змінився доступ до «{ $unit }». Коди від дверей: { $codes }
    }
door-changed-sms-short = Новий доступ, { $unit }. Код: { $codes }

code-changed-subject = Новий код від дверей: { $unit }
code-changed-thread =
    { $count ->
        [one] У Вас новий код від дверей («{ $unit }»). Він замінює попередній код.
       *[other] У Вас нові коди від дверей («{ $unit }»). Вони замінюють попередні коди.
    }
code-changed-sms =
    { $count ->
        [one] Доброго дня, { $name }! Новий код від дверей («{ $unit }»): { $codes }
       *[other] Доброго дня, { $name }! Нові коди від дверей («{ $unit }»): { $codes }
    }
code-changed-sms-nameless =
    { $count ->
        [one] Доброго дня! Новий код від дверей («{ $unit }»): { $codes }
       *[other] Доброго дня! Нові коди від дверей («{ $unit }»): { $codes }
    }
code-changed-sms-short = Новий код, { $unit }: { $codes }

codes =
    { $count ->
        [one] Код від дверей: { $codes }
       *[other] Коди від дверей: { $codes }
    }
codes-shared = Двері з цим кодом: { $doors }
door = { $door }: { $pin }
door-confirm = { $door }: { $pin }, потім натисніть { $key }
confirm = Введіть код і натисніть { $key }.
confirm-short = Потім натисніть { $key }
key-check = клавішу з галочкою
key-enter = клавішу Enter
key-hash = клавішу #
key-key = клавішу із символом ключа
key-star = клавішу *

times =
    Заїзд: { $start }
    Виїзд: { $end }
times-short = { $start } - { $end }
works-from =
    { $count ->
        [one] Початок дії коду: { $moment }.
       *[other] Початок дії кодів: { $moment }.
    }
works-from-short = Доступ з { $moment }

help = Якщо знадобиться допомога, звертайтеся: { $contact }
help-sms = Допомога: { $contact }
