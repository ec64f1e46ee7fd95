import type { PageTexts } from './page-texts.js';

const ASK_FOR_NEW_MAIL = 'Fordern Sie bei {{service}} eine neue E-Mail an.';

export const GERMAN: PageTexts = {
  pages: {
    verifyEmail: {
      title: 'E-Mail-Adresse bestätigen',
      introduction:
        'Geben Sie das Passwort Ihres Kontos bei {{service}} ein, um zu bestätigen, dass diese E-Mail-Adresse Ihnen gehört.',
      password: 'Passwort',
      button: 'Adresse bestätigen',
      done: 'Ihre E-Mail-Adresse ist bestätigt. Sie können sich jetzt damit anmelden.',
      newLink: ASK_FOR_NEW_MAIL,
    },
    resetPassword: {
      title: 'Neues Passwort festlegen',
      introduction: 'Wählen Sie ein neues Passwort für Ihr Konto bei {{service}}.',
      password: 'Neues Passwort',
      button: 'Passwort festlegen',
      done: 'Ihr Passwort ist geändert. Melden Sie sich jetzt mit dem neuen Passwort an.',
      newLink: ASK_FOR_NEW_MAIL,
    },
    confirmEmailChange: {
      title: 'Neue E-Mail-Adresse bestätigen',
      introduction:
        'Drücken Sie auf die Schaltfläche, wenn Sie selbst darum gebeten haben: Ihr Konto bei {{service}} hat dann diese E-Mail-Adresse. Sonst schließen Sie diese Seite.',
      button: 'Adresse verwenden',
      done: 'Ihr Konto hat jetzt diese E-Mail-Adresse. Melden Sie sich künftig mit ihr an.',
      newLink: 'Beginnen Sie die Änderung Ihrer Adresse in {{service}} noch einmal.',
    },
    undoEmailChange: {
      title: 'Änderung der E-Mail-Adresse rückgängig machen',
      introduction:
        'Die E-Mail-Adresse Ihres Kontos bei {{service}} wurde geändert oder soll geändert werden. Wenn Sie das nicht waren, drücken Sie auf die Schaltfläche: Ihr Konto erhält seine frühere Adresse zurück, und sein Passwort gilt nicht mehr.',
      button: 'Rückgängig machen',
      done: 'Ihr Konto hat wieder seine frühere E-Mail-Adresse. Das alte Passwort gilt nicht mehr. Eine E-Mail mit einem Link, um ein neues festzulegen, ist auf dem Weg zu Ihnen.',
      newLink: 'Wenn jemand anderes Ihre Adresse geändert hat, wenden Sie sich an die Betreiber von {{service}}.',
    },
    acceptInvitation: {
      title: 'Einladung annehmen',
      introduction: 'Sie sind zu {{service}} eingeladen. Wählen Sie ein Passwort für Ihr Konto.',
      password: 'Passwort',
      button: 'Einladung annehmen',
      done: 'Ihr Konto ist eingerichtet. Melden Sie sich jetzt mit Ihrer E-Mail-Adresse und Ihrem Passwort an.',
      newLink: 'Bitten Sie um eine neue Einladung.',
    },
  },
  messages: {
    mail_token_invalid: 'Dieser Link ist ungültig. Er ist unvollständig oder wurde schon benutzt.',
    mail_token_expired: 'Dieser Link ist abgelaufen.',
    email_taken: 'Diese E-Mail-Adresse gehört inzwischen zu einem anderen Konto. Es wurde nichts geändert.',
    credentials_invalid: 'Das ist nicht das richtige Passwort. Versuchen Sie es noch einmal.',
    password_too_short: 'Dieses Passwort ist zu kurz. Verwenden Sie mindestens {{minLength}} Zeichen.',
    password_too_long: 'Dieses Passwort ist zu lang. Verwenden Sie höchstens {{maxLength}} Zeichen.',
    password_common: 'Dieses Passwort gehört zu denen, die zuerst ausprobiert werden. Wählen Sie ein anderes.',
    password_contextual:
      'Dieses Passwort besteht aus Ihrer E-Mail-Adresse oder dem Namen dieses Dienstes. Wählen Sie ein anderes.',
    too_many_attempts: 'Es gab zu viele Versuche. Versuchen Sie es {{wait}} noch einmal.',
    service_unavailable: '{{service}} kann gerade nicht antworten. Versuchen Sie es {{wait}} noch einmal.',
    link_missing: 'Diese Seite funktioniert nur mit dem Link in der E-Mail. Öffnen Sie ihn noch einmal.',
    password_missing: 'Geben Sie ein Passwort ein.',
    no_answer:
      '{{service}} ist nicht erreichbar. Prüfen Sie Ihre Verbindung zum Internet, und versuchen Sie es noch einmal.',
    other: 'Etwas ist schiefgegangen. Versuchen Sie es später noch einmal.',
  },
  later: 'später',
  passwordRule: 'Mindestens {{minLength}} Zeichen. Ein paar Wörter hintereinander genügen.',
  showPassword: 'Passwort anzeigen',
  sending: 'Einen Moment …',
  back: 'Zurück zu {{service}}',
  noScript: 'Diese Seite braucht JavaScript. Schalten Sie es ein, und öffnen Sie den Link in der E-Mail noch einmal.',
};
