import type { PageTexts } from './page-texts.js';

/** Who has registered with `REGISTRATION=verified` has an account only once the address is confirmed. */
const LOGIN_OR_NEW_LINK = {
  open: 'Try to log in. If the address is still to be confirmed then, ask {{service}} for a new link.',
  verified: 'Try to log in. If you cannot, register again.',
  closed: 'Try to log in. If you cannot, ask those who run {{service}}.',
} as const;

export const ENGLISH: PageTexts = {
  pages: {
    verifyEmail: {
      title: 'Confirm your email address',
      introduction:
        'Enter the password with which you registered with {{service}}, to confirm that this email address is yours.',
      password: 'Password',
      button: 'Confirm address',
      done: 'Your email address is confirmed. You can log in with it now.',
      newLink: LOGIN_OR_NEW_LINK,
      perhapsDone: LOGIN_OR_NEW_LINK,
    },
    resetPassword: {
      title: 'Set a new password',
      introduction: 'Choose a new password for your {{service}} account.',
      password: 'New password',
      button: 'Set password',
      done: 'Your password is changed. Log in with the new password now.',
      newLink: 'If you have set a new password with it, log in with that. If not, ask {{service}} for a new link.',
      perhapsDone: 'Try to log in with the new password. If you cannot, ask {{service}} for a new link.',
    },
    confirmEmailChange: {
      title: 'Confirm your new email address',
      introduction:
        'Press the button if you have asked for this yourself: your {{service}} account then has this email address. If you have not, close this page.',
      button: 'Use this address',
      done: 'Your account has this email address now. Use it whenever you log in.',
      newLink: 'If your account does not have this address yet, start the change in {{service}} again.',
      perhapsDone: 'Try to log in with this address. If you cannot, start the change in {{service}} again.',
    },
    undoEmailChange: {
      title: 'Undo the change of your email address',
      introduction:
        'The email address of your {{service}} account was changed, or is to be. If that was not you, press the button: your account then has its former address, and its password stops working.',
      button: 'Undo the change',
      done: 'The change is undone: your account has its former email address. The old password no longer works. A mail with a link to set a new one is on its way to you.',
      newLink:
        'If somebody else has changed your address and you have not undone it yet, tell those who run {{service}}.',
      perhapsDone:
        'Then a mail with a link to set a new password is on its way to you. If none arrives, tell those who run {{service}}.',
    },
    acceptInvitation: {
      title: 'Accept the invitation',
      introduction: 'You are invited to {{service}}. Choose a password for your account.',
      password: 'Password',
      button: 'Accept invitation',
      done: 'Your account is ready. Log in with your email address and your password now.',
      newLink: 'If you have accepted the invitation, log in. If not, ask for a new one.',
      perhapsDone:
        'Try to log in with your email address and your new password. If you cannot, ask for a new invitation.',
    },
  },
  messages: {
    mail_token_invalid: 'This link is not valid. It is incomplete, was used already, or has ended for another reason.',
    mail_token_expired: 'This link has expired.',
    email_taken:
      'By now this email address belongs to another account, or is reserved for one. Nothing was changed. For another address, start the change in {{service}} again.',
    credentials_invalid:
      'This is not the right password. Enter the one with which you registered, or if you have changed it since, the new one.',
    password_too_short: 'This password is too short. Use at least {{minLength}} characters.',
    password_too_long: 'This password is too long. Use at most {{maxLength}} characters.',
    password_common: 'This password is among those that are guessed first. Choose another one.',
    password_contextual:
      'This password is made of your email address or of the name of this service. Choose another one.',
    too_many_attempts: 'There were too many attempts. Try again {{wait}}.',
    service_unavailable: '{{service}} cannot answer at the moment. Try again {{wait}}.',
    perhaps_done:
      'This link is not valid any more. The attempt before may have been carried out, although no confirmation arrived.',
    link_missing: 'This page works only with the whole link that you were given. Open that link again.',
    password_missing: 'Enter a password.',
    no_answer: 'There was no answer from {{service}}. Check your connection to the internet, and try again.',
    other: 'Something went wrong. Try again later.',
  },
  later: 'later',
  passwordRule: 'At least {{minLength}} characters. A few words in a row will do.',
  showPassword: 'Show password',
  sending: 'One moment …',
  back: 'Back to {{service}}',
  noScript: 'This page needs JavaScript. Switch it on, and open the link again.',
};
