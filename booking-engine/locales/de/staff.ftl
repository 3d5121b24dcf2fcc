### Hinweise für das Personal.

staff-unmapped-unit-subject = Buchung für eine unbekannte Einheit
staff-unmapped-unit = Es gibt eine Buchung für eine Einheit, die nicht in der Konfiguration steht. Für sie wurde kein Code angelegt. Bitte die Einheit in die Konfiguration aufnehmen.

staff-cancelled-in-house-subject = Storniert, während der Gast im Haus ist
staff-cancelled-in-house = Eine Buchung wurde nach dem Check-in storniert. Bitte klären, ob der Gast abgereist ist und ob der Code bestehen bleiben soll.

staff-door-unreadable-subject = Tür nicht lesbar
staff-door-unreadable = Die Codes einer Tür können nicht gelesen werden. Bis dahin wird an ihr nichts geändert. Bitte Schloss, Gateway und Konto prüfen.

staff-code-not-proven-subject = Code an der Tür nicht bestätigt
staff-code-not-proven = Die Anreise steht bevor, und der Code ist an der Tür noch nicht bestätigt. Der Gast hat ihn möglicherweise noch nicht. Bitte das Schloss prüfen oder den Gast anders einlassen.

staff-code-not-removed-subject = Ein Code lässt sich nicht entfernen
staff-code-not-removed = Ein Code, der nicht mehr gelten soll, ist noch an der Tür und lässt sich nicht entfernen. Er kann noch öffnen. Entfernen Sie ihn in der App des Anbieters oder prüfen Sie das Konto.

staff-pin-space-exhausted-subject = Keine freie PIN mehr
staff-pin-space-exhausted = An einer Tür ist nach ihren Regeln keine PIN mehr frei. Bitte längere PINs zulassen oder nicht mehr benötigte Codes entfernen.

staff-vanished-in-house-subject = Buchung verschwunden, während der Gast im Haus ist
staff-vanished-in-house = Das Buchungssystem zeigt eine Buchung nicht mehr, deren Gast im Haus ist. Der Code bleibt. Bitte die Buchung prüfen.

staff-unusable-dates-subject = Buchung mit unbrauchbaren Daten
staff-unusable-dates = An- oder Abreisedatum einer Buchung fehlen, sind unlesbar oder vertauscht. Für sie kann kein Code angelegt oder geändert werden. Bitte die Daten im Buchungssystem berichtigen.

staff-message-undeliverable-subject = Gast konnte nicht benachrichtigt werden
staff-message-undeliverable = Eine Nachricht mit einem Türcode konnte nicht zugestellt werden. Bitte den Gast auf anderem Weg verständigen.

staff-gone-unconfirmed-subject = Buchung nicht gefunden, Stornierung nicht bestätigt
staff-gone-unconfirmed = Das Buchungssystem findet eine Buchung nicht, und nichts bestätigt, dass sie storniert wurde. Der Code bleibt vorerst. Bitte die Buchung prüfen.

staff-write-back-stuck-subject = Code im Buchungssystem nicht aktuell
staff-write-back-stuck = Der Türcode konnte nicht im Buchungssystem eingetragen werden, oder dort steht noch ein alter. Bitte von Hand berichtigen.

staff-drift-subject = Code von außen geändert
staff-drift = Ein Code an einer Tür wurde von außen geändert oder entfernt. Bitte klären, von wem, und prüfen, ob der Code stimmt.

staff-foreign-marker-subject = Unbekannter Code an einer Tür
staff-foreign-marker = An einer Tür gibt es einen Code mit dem Kennzeichen eines anderen Systems oder keiner bekannten Buchung. Er wurde nicht angetastet. Bitte prüfen, ob er gebraucht wird.

staff-source-failing-subject = Buchungssystem nicht lesbar
staff-source-failing = Die Buchungen können nicht gelesen werden. Neue Aufenthalte und Änderungen können fehlen. Bitte Konto und Zugang prüfen.

staff-lock-credentials-subject = Schlosskonto abgelehnt oder falsch eingerichtet
staff-lock-credentials = Das Schlosskonto lehnt die Zugangsdaten ab, oder die Einrichtung passt nicht (falsche Nummer, andere Zeitzone). Solange das so ist, können keine Codes angelegt werden. Näheres steht unten.

staff-source-suspect-subject = Buchungsliste wirkt unvollständig
staff-source-suspect = Das Buchungssystem hat weit weniger Buchungen gezeigt als bekannt sind. Deswegen wird nichts entfernt. Bitte prüfen, ob es das richtige Konto ist und ob seine Liste vollständig ist. Sind wirklich so viele Buchungen entfallen, bestätigen Sie die Liste; sie gilt dann einen Tag lang, wie sie ist.

staff-webhooks-silent-subject = Buchungssystem meldet keine Änderungen mehr
staff-webhooks-silent = Im Buchungssystem gab es Änderungen, und keine davon wurde gemeldet. Sie werden nur noch beim regelmäßigen Lesen gefunden, also später. Bitte im Buchungssystem prüfen, ob Webhooks eingeschaltet sind und die Adresse stimmt.

staff-turnover-conflict-subject = Zwei Aufenthalte überschneiden sich
staff-turnover-conflict = Ein Gast reist an, bevor ein anderer dieselbe Einheit verlassen hat. Beide Codes würden zugleich gelten. Bitte andere Zeiten vereinbaren und im Buchungssystem eintragen.

staff-same-stay-twice-subject = Buchung ist vielleicht doppelt
staff-same-stay-twice = Zwei Buchungen sehen aus wie ein Aufenthalt unter zwei Nummern: gleiche Einheit, gleiche Tage, gleicher Gast. Der Gast hat vielleicht zwei Codes oder einen für beide. Bitte beide Buchungen prüfen und dem Gast sagen, welcher Code gilt.

staff-former-keypad-subject = Codes auf einem früheren Tastenfeld
staff-former-keypad = Eine Tür hat ein anderes Tastenfeld als zuvor, und das frühere, auf dem noch Codes liegen, ist nicht erreichbar. Sie öffnen es vielleicht noch. Machen Sie es wieder erreichbar, oder nennen Sie es unter retired, wenn es für immer weg ist.

staff-keypad-gone-subject = Tastenfeld nicht mehr im Konto
staff-keypad-gone = Das Tastenfeld einer Tür ist nicht mehr in seinem Schlosskonto: Das Schloss wurde ersetzt oder zurückgesetzt, oder die Nummer stimmt nicht. Tastenfelder des Kontos, die keine Tür hat, stehen unten; angenommen wird nichts. Ist eines davon das neue, tragen Sie es in der Konfiguration bei der Tür ein und starten Sie neu: Die Gäste behalten ihre Codes.

staff-brake-subject = Löschungen von der Bremse angehalten
staff-brake = Es würden mehr Codes vor ihrer Zeit gelöscht als erlaubt. Die übrigen bleiben vorerst auf den Türen. Stimmt, was das Buchungssystem zeigt, lösen Sie die Bremse; sonst richten Sie zuerst dessen Konto.

staff-backup-issued-subject = Ersatzcode ausgegeben
staff-backup-issued = Der Code eines Gastes kam nicht rechtzeitig auf eine Tür; der Gast hat einen Ersatzcode bekommen, der schon darauf ist. Prüfen Sie Schloss und Verbindung; der Ersatz wird von selbst nachgelegt, sobald sie arbeiten.

staff-line-account = Konto: { $account }
staff-line-date = Datum: { $date }
staff-line-detail = Einzelheit: { $detail }
staff-line-door = Tür: { $door }
staff-line-reference = Buchung: { $reference }
staff-line-unit = Einheit: { $unit }
