import type { MailCatalogue } from './mail-templates.js';

export const GERMAN: MailCatalogue = {
  unknownDevice: 'einem unbekannten Gerät',
  on: 'unter',
  mails: {
    test: {
      subject: 'E-Mail von {{service}}',
      text: `{{service}} kann E-Mails an diese Adresse senden.

Jemand, der {{service}} betreibt, hat diese E-Mail zur Probe gesendet.`,
    },
    verify_email: {
      subject: 'Bestätigen Sie Ihre Adresse für {{service}}',
      text: `Jemand hat sich bei {{service}} registriert und diese Adresse angegeben. Wenn Sie das waren, öffnen Sie diesen Link und geben Sie das Passwort ein, mit dem Sie sich registriert haben:

{{link}}

Der Link gilt einmal, bis {{until}}.

Wenn Sie es nicht waren, tun Sie nichts: Ohne das Passwort kann niemand diese Adresse benutzen.`,
    },
    reset_password: {
      subject: 'Neues Passwort für {{service}}',
      text: `Jemand, vermutlich Sie, hat für Ihr Konto bei {{service}} um ein neues Passwort gebeten. Um es festzulegen, öffnen Sie diesen Link:

{{link}}

Der Link gilt einmal, bis {{until}}. Danach sind alle Geräte abgemeldet.

Wenn Sie nicht darum gebeten haben, tun Sie nichts: Ihr Passwort bleibt, wie es ist.`,
    },
    reset_password_by_operator: {
      subject: 'Neues Passwort für {{service}}',
      text: `Die Betreiber von {{service}} haben diesen Link für Ihr Konto erstellt. Um ein neues Passwort festzulegen, öffnen Sie ihn:

{{link}}

Der Link gilt einmal, bis {{until}}. Danach sind alle Geräte abgemeldet. Bis Sie ihn benutzen, bleibt Ihr Passwort, wie es ist.`,
    },
    reset_password_after_undo: {
      subject: 'Neues Passwort für {{service}}',
      text: `Sie haben die Änderung der Adresse Ihres Kontos bei {{service}} rückgängig gemacht. Das Passwort gilt nicht mehr. Um ein neues festzulegen, öffnen Sie diesen Link:

{{link}}

Der Link gilt einmal, bis {{until}}. Danach bitten Sie {{service}} um ein neues Passwort.`,
    },
    confirm_email_change: {
      subject: 'Bestätigen Sie Ihre neue Adresse für {{service}}',
      text: `Jemand hat {{service}} gebeten, diese Adresse für das eigene Konto zu benutzen. Wenn Sie das waren, öffnen Sie diesen Link, um es zu bestätigen:

{{link}}

Der Link gilt einmal, bis {{until}}.

Wenn Sie es nicht waren, tun Sie nichts. Öffnen Sie den Link nicht: Sie würden das Konto dessen teilen, der darum gebeten hat.`,
    },
    email_change_requested: {
      subject: 'Ihre Adresse bei {{service}} soll geändert werden',
      text: `Jemand, der Ihr Passwort kennt, hat {{service}} gebeten, die Adresse Ihres Kontos zu ändern. Sie ändert sich, wenn die neue Adresse bestätigt wird.

Wenn Sie das waren, ist hier nichts zu tun.

Wenn Sie es nicht waren, öffnen Sie diesen Link, bis {{until}}. Er behält diese Adresse bei, meldet alle Geräte ab und macht das Passwort unbrauchbar; Sie erhalten dann eine E-Mail, mit der Sie ein neues festlegen:

{{link}}`,
    },
    email_changed: {
      subject: 'Ihre Adresse bei {{service}} wurde geändert',
      text: `Die Adresse Ihres Kontos bei {{service}} wurde geändert. E-Mails gehen ab jetzt an die neue.

Wenn Sie das waren, ist hier nichts zu tun.

Wenn Sie es nicht waren, öffnen Sie diesen Link, bis {{until}}. Er stellt diese Adresse wieder her, meldet alle Geräte ab und macht das Passwort unbrauchbar; Sie erhalten dann eine E-Mail, mit der Sie ein neues festlegen:

{{link}}`,
    },
    accept_invitation: {
      subject: 'Ihr Konto bei {{service}}',
      text: `Sie sind zu {{service}} eingeladen. Um ein Passwort für Ihr Konto zu wählen, öffnen Sie diesen Link:

{{link}}

Der Link gilt einmal, bis {{until}}.`,
    },
    address_taken: {
      subject: 'Sie haben ein Konto bei {{service}}',
      text: `Jemand, vielleicht Sie, hat versucht, diese Adresse für ein anderes Konto bei {{service}} zu benutzen. Sie gehört bereits zu Ihrem Konto, das nicht geändert wurde.

Wenn Sie Ihr Passwort vergessen haben, bitten Sie {{service}} um ein neues.`,
    },
    password_changed: {
      subject: 'Ihr Passwort bei {{service}} wurde geändert',
      text: `Das Passwort Ihres Kontos bei {{service}} wurde geändert: {{time}}.

Wenn Sie das nicht waren, bitten Sie {{service}} jetzt um ein neues Passwort.`,
    },
    address_changed: {
      subject: 'Ihre Adresse bei {{service}} wurde geändert',
      text: `Die Adresse Ihres Kontos bei {{service}} wurde geändert: {{time}}. E-Mails gehen ab jetzt an die neue.

Wenn Sie das nicht waren, wenden Sie sich an die Betreiber von {{service}}.`,
    },
    account_deleted: {
      subject: 'Ihr Konto bei {{service}} wurde gelöscht',
      text: `Ihr Konto bei {{service}} wurde mit allem, was dazugehört, gelöscht: {{time}}.

Wenn Sie das nicht waren, wenden Sie sich an die Betreiber von {{service}}.`,
    },
    refresh_token_reused: {
      subject: 'Ein Gerät wurde bei {{service}} abgemeldet',
      text: `{{service}} hat eine Sitzung Ihres Kontos beendet, weil ihr Geheimnis ein zweites Mal benutzt wurde: {{time}}. Vielleicht hat es jemand kopiert, oder ein Gerät hat seinen Speicher verloren.

Melden Sie sich auf diesem Gerät neu an. Wenn Sie den Grund nicht kennen, ändern Sie Ihr Passwort.`,
    },
    unknown_device: {
      subject: 'Ein neues Gerät hat sich bei {{service}} angemeldet',
      text: `Jemand hat sich von {{device}} aus bei Ihrem Konto bei {{service}} angemeldet: {{time}}. Das Gerät war bisher nicht bekannt.

Wenn Sie das waren, ist hier nichts zu tun. Wenn nicht, bitten Sie {{service}} jetzt um ein neues Passwort.`,
    },
  },
};
