import type { PageTexts } from './page-texts.js';

const ASK_FOR_NEW_MAIL = 'Ask {{service}} for a new mail.';

export const ENGLISH: PageTexts = {
  pages: {
    verifyEmail: {
      title: 'Confirm your email address',
      introduction: 'Enter the password of your {{service}} account to confirm that this email address is yours.',
      password: 'Password',
      button: 'Confirm address',
      done: 'Your email address is confirmed. You can log in with it now.',
      newLink: ASK_FOR_NEW_MAIL,
    },
    resetPassword: {
      title: 'Set a new password',
      introduction: 'Choose a new password for your {{service}} account.',
      password: 'New password',
      button: 'Set password',
      done: 'Your password is changed. Log in with the new password now.',
      newLink: ASK_FOR_NEW_MAIL,
    },
    confirmEmailChange: {
      title: 'Confirm your new email address',
      introduction:
        'Press the button if you have asked for this yourself: your {{service}} account then has this email address. If you have not, close this page.',
      button: 'Use this address',
      done: 'Your account has this email address now. Use it whenever you log in.',
      newLink: 'Start the change of your address in {{service}} again.',
    },
    undoEmailChange: {
      title: 'Undo the change of your email address',
      introduction:
        'The email address of your {{service}} account was changed, or is to be. If that was not you, press the button: your account gets its former address back, and its password stops working.',
      button: 'Undo the change',
      done: 'Your account has its former email address again. The old password no longer works. A mail with a link to set a new one is on its way to you.',
      newLink: 'If somebody else has changed your address, tell those who run {{service}}.',
    },
    acceptInvitation: {
      title: 'Accept the invitation',
      introduction: 'You are invited to {{service}}. Choose a password for your account.',
      password: 'Password',
      button: 'Accept invitation',
      done: 'Your account is ready. Log in with your email address and your password now.',
      newLink: 'Ask for a new invitation.',
    },
  },
  messages: {
    mail_token_invalid: 'This link is not valid. It is incomplete, or it was used already.',
    mail_token_expired: 'This link has expired.',
    email_taken: 'By now this email address belongs to another account. Nothing was changed.',
    credentials_invalid: 'This is not the right password. Try again.',
    password_too_short: 'This password is too short. Use at least {{minLength}} characters.',
    password_too_long: 'This password is too long. Use at most {{maxLength}} characters.',
    password_common: 'This password is among those that are guessed first. Choose another one.',
    password_contextual:
      'This password is made of your email address or of the name of this service. Choose another one.',
    too_many_attempts: 'There were too many attempts. Try again {{wait}}.',
    service_unavailable: '{{service}} cannot answer at the moment. Try again {{wait}}.',
    link_missing: 'This page works only by the link in the mail. Open that link again.',
    password_missing: 'Enter a password.',
    no_answer: '{{service}} could not be reached. Check your connection to the internet, and try again.',
    other: 'Something went wrong. Try again later.',
  },
  later: 'later',
  passwordRule: 'At least {{minLength}} characters. A few words in a row will do.',
  showPassword: 'Show password',
  sending: 'One moment …',
  back: 'Back to {{service}}',
  noScript: 'This page needs JavaScript. Switch it on, and open the link in the mail again.',
};
