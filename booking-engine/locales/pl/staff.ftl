### Powiadomienia dla obsługi.

staff-unmapped-unit-subject = Rezerwacja nieznanego lokalu
staff-unmapped-unit = Wpłynęła rezerwacja lokalu, którego nie ma w konfiguracji. Nie utworzono dla niej kodu. Należy dodać lokal do konfiguracji.

staff-cancelled-in-house-subject = Anulowano w trakcie pobytu
staff-cancelled-in-house = Rezerwację anulowano po zameldowaniu. Należy ustalić, czy gość już wyjechał i czy kod ma pozostać.

staff-door-unreadable-subject = Nie można odczytać drzwi
staff-door-unreadable = Nie można odczytać kodów drzwi. Do tego czasu nic nie jest na nich zmieniane. Należy sprawdzić zamek, bramkę i konto.

staff-code-not-proven-subject = Kod niepotwierdzony na drzwiach
staff-code-not-proven = Zbliża się przyjazd, a kod nie jest jeszcze potwierdzony na drzwiach. Gość może go jeszcze nie mieć. Należy sprawdzić zamek albo wpuścić gościa w inny sposób.

staff-code-not-removed-subject = Nie można usunąć kodu
staff-code-not-removed = Kod, którego nie powinno już być, nadal jest na drzwiach i nie można go usunąć. Może nadal otwierać. Należy usunąć go w aplikacji dostawcy lub sprawdzić konto.

staff-pin-space-exhausted-subject = Brak wolnych kodów PIN
staff-pin-space-exhausted = Zgodnie z regułami drzwi nie ma już wolnego kodu PIN. Należy dopuścić dłuższe kody albo usunąć niepotrzebne.

staff-vanished-in-house-subject = Rezerwacja zniknęła w trakcie pobytu
staff-vanished-in-house = System rezerwacji nie pokazuje już rezerwacji, której gość jest na miejscu. Kod pozostaje. Należy sprawdzić rezerwację.

staff-unusable-dates-subject = Rezerwacja z błędnymi datami
staff-unusable-dates = Brakuje dat rezerwacji, są nieczytelne albo odwrócone. Nie można utworzyć ani zmienić kodu. Należy poprawić daty w systemie rezerwacji.

staff-message-undeliverable-subject = Nie udało się powiadomić gościa
staff-message-undeliverable = Nie udało się dostarczyć wiadomości z kodem do drzwi. Należy skontaktować się z gościem w inny sposób.

staff-gone-unconfirmed-subject = Nie znaleziono rezerwacji, anulowanie niepotwierdzone
staff-gone-unconfirmed = System rezerwacji nie znajduje rezerwacji i nic nie potwierdza jej anulowania. Kod na razie pozostaje. Należy sprawdzić rezerwację.

staff-write-back-stuck-subject = Nieaktualny kod w systemie rezerwacji
staff-write-back-stuck = Nie udało się wpisać kodu do drzwi w systemie rezerwacji albo widnieje tam stary kod. Należy poprawić go ręcznie.

staff-drift-subject = Kod zmieniony z zewnątrz
staff-drift = Kod na drzwiach został zmieniony lub usunięty z zewnątrz. Należy ustalić, kto to zrobił, i sprawdzić kod.

staff-foreign-marker-subject = Nieznany kod na drzwiach
staff-foreign-marker = Na drzwiach jest kod z oznaczeniem innego systemu albo nieznanej rezerwacji. Nie został zmieniony. Należy sprawdzić, czy jest potrzebny.

staff-source-failing-subject = Nie można odczytać systemu rezerwacji
staff-source-failing = Nie można odczytać rezerwacji. Nowe pobyty i zmiany mogą zostać pominięte. Należy sprawdzić konto i dostęp.

staff-lock-credentials-subject = Konto zamków odrzucone lub błędnie skonfigurowane
staff-lock-credentials = Konto zamków odrzuca dane logowania albo konfiguracja się nie zgadza (błędny identyfikator, inna strefa czasowa). Do czasu poprawienia nie można tworzyć kodów. Szczegóły poniżej.

staff-source-suspect-subject = Lista rezerwacji wygląda na niepełną
staff-source-suspect = System rezerwacji pokazał znacznie mniej rezerwacji, niż jest znanych. Z tego powodu nic nie jest usuwane. Należy sprawdzić, czy to właściwe konto i czy jego lista jest pełna. Jeśli tyle rezerwacji rzeczywiście zniknęło, należy potwierdzić listę; przez dobę będzie wtedy brana taka, jaka jest.

staff-webhooks-silent-subject = System rezerwacji nie zgłasza już zmian
staff-webhooks-silent = W systemie rezerwacji były zmiany i żadna nie została zgłoszona. Są znajdowane tylko przy regularnym odczycie, czyli później. Należy sprawdzić w systemie rezerwacji, czy webhooki są włączone i czy adres jest poprawny.

staff-turnover-conflict-subject = Dwa pobyty nachodzą na siebie
staff-turnover-conflict = Gość przyjeżdża, zanim inny opuści ten sam lokal. Oba kody działałyby w tym samym czasie. Należy uzgodnić inne godziny i wpisać je w systemie rezerwacji.

staff-same-stay-twice-subject = Rezerwacja może być podwójna
staff-same-stay-twice = Dwie rezerwacje wyglądają na jeden pobyt pod dwoma numerami: ten sam lokal, te same dni i ten sam gość. Gość może mieć dwa kody albo jeden dla obu. Należy sprawdzić obie rezerwacje i przekazać gościowi, którego kodu ma używać.

staff-former-keypad-subject = Kody na poprzedniej klawiaturze
staff-former-keypad = Drzwi mają inną klawiaturę niż przedtem, a poprzednia, na której są jeszcze kody, jest nieosiągalna. Kody mogą ją nadal otwierać. Przywróć łączność z nią albo wpisz ją w retired, jeśli usunięto ją na zawsze.

staff-keypad-gone-subject = Klawiatury nie ma już na koncie
staff-keypad-gone = Klawiatury drzwi nie ma już na koncie zamków: zamek wymieniono lub zresetowano albo numer jest błędny. Klawiatury z konta, których nie mają żadne drzwi, podano poniżej; niczego się nie zakłada. Jeśli jedna z nich jest nowa, wpisz ją przy drzwiach w konfiguracji i uruchom program ponownie: goście zachowają swoje kody.

staff-brake-subject = Hamulec zatrzymał usuwanie kodów
staff-brake = Przed czasem usunięto by więcej kodów, niż wolno. Pozostałe na razie zostają na drzwiach. Jeśli system rezerwacji pokazuje prawdę, zwolnij hamulec; jeśli nie, najpierw popraw jego konto.

staff-backup-issued-subject = Wydano kod zapasowy
staff-backup-issued = Kodu gościa nie udało się na czas wprowadzić na drzwi, więc gość dostał kod zapasowy, który już na nich jest. Sprawdź zamek i połączenie; kod zapasowy zostanie uzupełniony sam, gdy zadziałają.

staff-line-account = Konto: { $account }
staff-line-date = Data: { $date }
staff-line-detail = Szczegóły: { $detail }
staff-line-door = Drzwi: { $door }
staff-line-reference = Rezerwacja: { $reference }
staff-line-unit = Lokal: { $unit }
