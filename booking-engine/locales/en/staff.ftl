### Alerts for staff: a subject and a text for each kind, then one line for each thing that it is about.
### The texts have no variables, so that an alert is never lost for want of one. No personal data, no PIN.

staff-unmapped-unit-subject = Booking for an unknown unit
staff-unmapped-unit = A booking came in for a unit that is not in the configuration. No code was made for it. Add the unit to the configuration.

staff-cancelled-in-house-subject = Cancelled while the guest is in house
staff-cancelled-in-house = A booking was cancelled after check-in. Find out whether the guest has left, and whether the code should stay.

staff-door-unreadable-subject = Door cannot be read
staff-door-unreadable = The codes on a door cannot be read. Nothing is changed on it until they can. Check the lock, its gateway and the account.

staff-code-not-proven-subject = Code not confirmed on the door
staff-code-not-proven = Arrival is near and the code is not yet confirmed on the door. The guest may not have it yet. Check the lock, or let the guest in another way.

staff-code-not-removed-subject = A code cannot be removed
staff-code-not-removed = A code that should be gone is still on its door and cannot be removed. It may still open. Remove it in the vendor's app, or check the lock account.

staff-pin-space-exhausted-subject = No free PIN left
staff-pin-space-exhausted = No PIN is free on a door under its rules. Allow longer PINs or remove codes that are no longer needed.

staff-vanished-in-house-subject = Booking vanished while the guest is in house
staff-vanished-in-house = The booking system no longer shows a booking whose guest is in house. The code stays. Check the booking.

staff-unusable-dates-subject = Booking with unusable dates
staff-unusable-dates = The dates of a booking are missing, unreadable or reversed. No code can be made or changed for it. Correct the dates in the booking system.

staff-message-undeliverable-subject = Guest could not be told
staff-message-undeliverable = A message with a door code could not be delivered. Contact the guest another way.

staff-gone-unconfirmed-subject = Booking not found, cancellation not confirmed
staff-gone-unconfirmed = The booking system does not find a booking, and nothing confirms that it was cancelled. The code stays for now. Check the booking.

staff-write-back-stuck-subject = Code not up to date in the booking system
staff-write-back-stuck = The door code could not be entered in the booking system, or an old one is still there. Correct it by hand.

staff-drift-subject = Code changed from outside
staff-drift = A code on a door was changed or removed from outside. Find out who did it and check that the code is right.

staff-foreign-marker-subject = Unknown code on a door
staff-foreign-marker = A door holds a code with the mark of another system or of no known booking. It was left alone. Check whether it is needed.

staff-source-failing-subject = Booking system cannot be read
staff-source-failing = The bookings cannot be read. New stays and changes may be missed. Check the account and its access.

staff-lock-credentials-subject = Lock account refused or misconfigured
staff-lock-credentials = The lock account refuses its credentials, or its configuration does not fit (a wrong id, another time zone). No codes can be made until that is mended. What is known stands below.

staff-source-suspect-subject = Booking list looks incomplete
staff-source-suspect = The booking system listed far fewer bookings than are known. Nothing is removed because of that. Check that the account is the right one and that its list is complete. If so many bookings really are gone, confirm the list as it is; it then counts for a day.

staff-webhooks-silent-subject = Booking system no longer reports changes
staff-webhooks-silent = There were changes in the booking system, and it reported none of them. They are found by regular reads only, which is later. Check the webhook address in the booking system and whether webhooks are switched on.

staff-turnover-conflict-subject = Two stays overlap
staff-turnover-conflict = A guest arrives before another one has left the same unit. Both codes would work at the same time. Agree on other times and enter them in the booking system.

staff-same-stay-twice-subject = Booking may be there twice
staff-same-stay-twice = Two bookings look like one stay under two ids: the same unit, days and guest. The guest may have two codes, or one for both. Check both bookings and tell the guest which code to use.

staff-former-keypad-subject = Codes left on a former keypad
staff-former-keypad = A door has another keypad than before, and the former one, which still has codes, cannot be reached. They may still open it. Bring it back within reach, or list it under retired if it is gone for good.

staff-keypad-gone-subject = Keypad no longer in the account
staff-keypad-gone = A door's keypad is not in its lock account any more: the lock was replaced or reset, or its number is wrong. Keypads of the account that no door has are named below; nothing is assumed about them. If one of them is the new one, enter it at the door in the configuration and start the host again: guests keep their codes.

staff-brake-subject = Removals stopped by the brake
staff-brake = More codes would be removed before their time than allowed. Those left stay on their doors for now. If the booking system shows what it should, release the brake; otherwise mend its account first.

staff-backup-issued-subject = Backup code given out
staff-backup-issued = A guest's own code could not be put on a door in time, so the guest was given a backup code that is on it already. Check the lock and its connection; the backup is replaced by itself once they work.

staff-line-account = Account: { $account }
staff-line-date = Date: { $date }
staff-line-detail = Detail: { $detail }
staff-line-door = Door: { $door }
staff-line-reference = Booking: { $reference }
staff-line-unit = Unit: { $unit }
