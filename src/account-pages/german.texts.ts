import type { PageTexts } from './page-texts.js';

/** Wer sich mit `REGISTRATION=verified` registriert hat, hat ein Konto erst, wenn die Adresse bestätigt ist. */
const LOGIN_OR_NEW_LINK = {
  open: 'Versuchen Sie, sich anzumelden. Wenn die Adresse dann noch zu bestätigen ist, fordern Sie bei {{service}} einen neuen Link an.',
  verified: 'Versuchen Sie, sich anzumelden. Wenn das nicht geht, registrieren Sie sich noch einmal.',
  closed: 'Versuchen Sie, sich anzumelden. Wenn das nicht geht, fragen Sie die Betreiber von {{service}}.',
} as const;

export const GERMAN: PageTexts = {
  pages: {
    verifyEmail: {
      title: 'E-Mail-Adresse bestätigen',
      introduction:
        'Geben Sie das Passwort ein, mit dem Sie sich bei {{service}} registriert haben, um zu bestätigen, dass diese E-Mail-Adresse Ihnen gehört.',
      password: 'Passwort',
      button: 'Adresse bestätigen',
      done: 'Ihre E-Mail-Adresse ist bestätigt. Sie können sich jetzt damit anmelden.',
      newLink: LOGIN_OR_NEW_LINK,
      perhapsDone: LOGIN_OR_NEW_LINK,
    },
    resetPassword: {
      title: 'Neues Passwort festlegen',
      introduction: 'Wählen Sie ein neues Passwort für Ihr Konto bei {{service}}.',
      password: 'Neues Passwort',
      button: 'Passwort festlegen',
      done: 'Ihr Passwort ist geändert. Melden Sie sich jetzt mit dem neuen Passwort an.',
      newLink:
        'Wenn Sie damit ein neues Passwort festgelegt haben, melden Sie sich mit diesem an. Sonst fordern Sie bei {{service}} einen neuen Link an.',
      perhapsDone:
        'Versuchen Sie, sich mit dem neuen Passwort anzumelden. Wenn das nicht geht, fordern Sie bei {{service}} einen neuen Link an.',
    },
    confirmEmailChange: {
      title: 'Neue E-Mail-Adresse bestätigen',
      introduction:
        'Drücken Sie auf die Schaltfläche, wenn Sie selbst darum gebeten haben: Ihr Konto bei {{service}} hat dann diese E-Mail-Adresse. Sonst schließen Sie diese Seite.',
      button: 'Adresse verwenden',
      done: 'Ihr Konto hat jetzt diese E-Mail-Adresse. Melden Sie sich künftig mit ihr an.',
      newLink: 'Wenn Ihr Konto diese Adresse noch nicht hat, beginnen Sie die Änderung in {{service}} noch einmal.',
      perhapsDone:
        'Versuchen Sie, sich mit dieser Adresse anzumelden. Wenn das nicht geht, beginnen Sie die Änderung in {{service}} noch einmal.',
    },
    undoEmailChange: {
      title: 'Änderung der E-Mail-Adresse rückgängig machen',
      introduction:
        'Die E-Mail-Adresse Ihres Kontos bei {{service}} wurde geändert oder soll geändert werden. Wenn Sie das nicht waren, drücken Sie auf die Schaltfläche: Ihr Konto hat dann seine frühere Adresse, und sein Passwort gilt nicht mehr.',
      button: 'Rückgängig machen',
      done: 'Die Änderung ist rückgängig gemacht: Ihr Konto hat seine frühere E-Mail-Adresse. Das alte Passwort gilt nicht mehr. Eine E-Mail mit einem Link, um ein neues festzulegen, ist auf dem Weg zu Ihnen.',
      newLink:
        'Wenn jemand anderes Ihre Adresse geändert hat und Sie das noch nicht rückgängig gemacht haben, wenden Sie sich an die Betreiber von {{service}}.',
      perhapsDone:
        'Dann ist eine E-Mail mit einem Link, um ein neues Passwort festzulegen, auf dem Weg zu Ihnen. Wenn keine ankommt, wenden Sie sich an die Betreiber von {{service}}.',
    },
    acceptInvitation: {
      title: 'Einladung annehmen',
      introduction: 'Sie sind zu {{service}} eingeladen. Wählen Sie ein Passwort für Ihr Konto.',
      password: 'Passwort',
      button: 'Einladung annehmen',
      done: 'Ihr Konto ist eingerichtet. Melden Sie sich jetzt mit Ihrer E-Mail-Adresse und Ihrem Passwort an.',
      newLink: 'Wenn Sie die Einladung angenommen haben, melden Sie sich an. Sonst bitten Sie um eine neue.',
      perhapsDone:
        'Versuchen Sie, sich mit Ihrer E-Mail-Adresse und Ihrem neuen Passwort anzumelden. Wenn das nicht geht, bitten Sie um eine neue Einladung.',
    },
  },
  messages: {
    mail_token_invalid:
      'Dieser Link ist ungültig. Er ist unvollständig, wurde schon benutzt oder gilt aus einem anderen Grund nicht mehr.',
    mail_token_expired: 'Dieser Link ist abgelaufen.',
    email_taken:
      'Diese E-Mail-Adresse gehört inzwischen zu einem anderen Konto oder ist für eines reserviert. Es wurde nichts geändert. Für eine andere Adresse beginnen Sie die Änderung in {{service}} noch einmal.',
    credentials_invalid:
      'Das ist nicht das richtige Passwort. Geben Sie das ein, mit dem Sie sich registriert haben, oder das neue, wenn Sie es seither geändert haben.',
    password_too_short: 'Dieses Passwort ist zu kurz. Verwenden Sie mindestens {{minLength}} Zeichen.',
    password_too_long: 'Dieses Passwort ist zu lang. Verwenden Sie höchstens {{maxLength}} Zeichen.',
    password_common: 'Dieses Passwort gehört zu denen, die zuerst ausprobiert werden. Wählen Sie ein anderes.',
    password_contextual:
      'Dieses Passwort besteht aus Ihrer E-Mail-Adresse oder dem Namen dieses Dienstes. Wählen Sie ein anderes.',
    too_many_attempts: 'Es gab zu viele Versuche. Versuchen Sie es {{wait}} noch einmal.',
    service_unavailable: '{{service}} kann gerade nicht antworten. Versuchen Sie es {{wait}} noch einmal.',
    perhaps_done:
      'Dieser Link gilt nicht mehr. Der Versuch davor wurde vielleicht ausgeführt, obwohl keine Bestätigung ankam.',
    link_missing:
      'Diese Seite funktioniert nur mit dem ganzen Link, den Sie bekommen haben. Öffnen Sie ihn noch einmal.',
    password_missing: 'Geben Sie ein Passwort ein.',
    no_answer:
      '{{service}} hat nicht geantwortet. Prüfen Sie Ihre Verbindung zum Internet, und versuchen Sie es noch einmal.',
    other: 'Etwas ist schiefgegangen. Versuchen Sie es später noch einmal.',
  },
  later: 'später',
  passwordRule: 'Mindestens {{minLength}} Zeichen. Ein paar Wörter hintereinander genügen.',
  showPassword: 'Passwort anzeigen',
  sending: 'Einen Moment …',
  back: 'Zurück zu {{service}}',
  noScript: 'Diese Seite braucht JavaScript. Schalten Sie es ein, und öffnen Sie den Link noch einmal.',
};
