### Тексты для гостей.

greeting = Здравствуйте, { $name }!
greeting-nameless = Здравствуйте!
closing = Желаем Вам приятного пребывания.

code-ready-subject = Код от двери: { $unit }
code-ready-thread =
    { $count ->
        [one] Отправляем Вам код от двери («{ $unit }»).
       *[other] Отправляем Вам коды от дверей («{ $unit }»).
    }
code-ready-sms =
    { $count ->
        [one] Здравствуйте, { $name }! Код от двери («{ $unit }»): { $codes }
       *[other] Здравствуйте, { $name }! Коды от дверей («{ $unit }»): { $codes }
    }
code-ready-sms-nameless =
    { $count ->
        [one] Здравствуйте! Код от двери («{ $unit }»): { $codes }
       *[other] Здравствуйте! Коды от дверей («{ $unit }»): { $codes }
    }
code-ready-sms-short = Код от двери, { $unit }: { $codes }

times-changed-subject = Изменился срок проживания: { $unit }
times-changed-thread =
    { $count ->
        [one] Срок Вашего проживания («{ $unit }») изменился. Код от двери остаётся прежним.
       *[other] Срок Вашего проживания («{ $unit }») изменился. Коды от дверей остаются прежними.
    }
times-changed-sms =
    { $count ->
        [one] Здравствуйте, { $name }! Срок проживания («{ $unit }») изменился. Код от двери прежний: { $codes }
       *[other] Здравствуйте, { $name }! Срок проживания («{ $unit }») изменился. Коды от дверей прежние: { $codes }
    }
times-changed-sms-nameless =
    { $count ->
        [one] Здравствуйте! Срок проживания («{ $unit }») изменился. Код от двери прежний: { $codes }
       *[other] Здравствуйте! Срок проживания («{ $unit }») изменился. Коды от дверей прежние: { $codes }
    }
times-changed-sms-short = Новый срок, { $unit }. Код: { $codes }

moved-subject = Новое место проживания: { $unit }
moved-thread = Место Вашего проживания изменилось: теперь это «{ $unit }» вместо «{ $previous }».
moved-sms =
    { $count ->
        [one] Здравствуйте, { $name }! Новое место проживания: «{ $unit }» вместо «{ $previous }». Код от двери: { $codes }
       *[other] Здравствуйте, { $name }! Новое место проживания: «{ $unit }» вместо «{ $previous }». Коды от дверей: { $codes }
    }
moved-sms-nameless =
    { $count ->
        [one] Здравствуйте! Новое место проживания: «{ $unit }» вместо «{ $previous }». Код от двери: { $codes }
       *[other] Здравствуйте! Новое место проживания: «{ $unit }» вместо «{ $previous }». Коды от дверей: { $codes }
    }
moved-sms-short = Новое место: { $unit }. Код: { $codes }

door-changed-subject = Изменился доступ: { $unit }
door-changed-thread =
    { $count ->
        [one] Изменился доступ в «{ $unit }». Пожалуйста, используйте код, указанный ниже.
       *[other] Изменился доступ в «{ $unit }». Пожалуйста, используйте коды, указанные ниже.
    }
door-changed-sms =
    { $count ->
        [one] Здравствуйте, { $name }! Изменился доступ в «{ $unit }». Код от двери: { $codes }
       *[other] Здравствуйте, { $name }! Изменился доступ в «{ $unit }». Коды от дверей: { $codes }
    }
door-changed-sms-nameless =
    { $count ->
        [one] Здравствуйте! Изменился доступ в «{ $unit }». Код от двери: { $codes }
       *[other] Здравствуйте! Изменился доступ в «{ $unit }». Коды от дверей: { $codes }
    }
door-changed-sms-short = Новый доступ, { $unit }. Код: { $codes }

code-changed-subject = Новый код от двери: { $unit }
code-changed-thread =
    { $count ->
        [one] У Вас новый код от двери («{ $unit }»). Он заменяет прежний код.
       *[other] У Вас новые коды от дверей («{ $unit }»). Они заменяют прежние коды.
    }
code-changed-sms =
    { $count ->
        [one] Здравствуйте, { $name }! Новый код от двери («{ $unit }»): { $codes }
       *[other] Здравствуйте, { $name }! Новые коды от дверей («{ $unit }»): { $codes }
    }
code-changed-sms-nameless =
    { $count ->
        [one] Здравствуйте! Новый код от двери («{ $unit }»): { $codes }
       *[other] Здравствуйте! Новые коды от дверей («{ $unit }»): { $codes }
    }
code-changed-sms-short = Новый код, { $unit }: { $codes }

codes =
    { $count ->
        [one] Код от двери: { $codes }
       *[other] Коды от дверей: { $codes }
    }
codes-shared = Двери с этим кодом: { $doors }
door = { $door }: { $pin }
door-confirm = { $door }: { $pin }, затем нажмите { $key }
confirm = Введите код и нажмите { $key }.
confirm-short = Затем нажмите { $key }
key-check = клавишу с галочкой
key-enter = клавишу Enter
key-hash = клавишу #
key-key = клавишу с символом ключа
key-star = клавишу *

times =
    Заезд: { $start }
    Выезд: { $end }
times-short = { $start } - { $end }
works-from =
    { $count ->
        [one] Начало действия кода: { $moment }.
       *[other] Начало действия кодов: { $moment }.
    }
works-from-short = Доступ с { $moment }

help = Если понадобится помощь, обращайтесь: { $contact }
help-sms = Помощь: { $contact }
