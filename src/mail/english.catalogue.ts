import type { MailCatalogue } from './mail-templates.js';

export const ENGLISH: MailCatalogue = {
  unknownDevice: 'an unknown device',
  on: 'on',
  mails: {
    test: {
      subject: 'Mail from {{service}}',
      text: `{{service}} can send mail to this address.

Somebody who operates {{service}} has sent this to try it.`,
    },
    verify_email: {
      subject: 'Confirm your address for {{service}}',
      text: `Somebody has registered with {{service}} and given this address. If that was you, open this link and enter the password with which you registered:

{{link}}

The link can be used once, until {{until}}.

If it was not you, do nothing: without the password nobody can use this address.`,
    },
    reset_password: {
      subject: 'Set a new password for {{service}}',
      text: `Somebody, probably you, has asked for a new password for your account with {{service}}. To set it, open this link:

{{link}}

The link can be used once, until {{until}}. All devices are then logged out.

If you did not ask for it, do nothing: your password stays as it is.`,
    },
    reset_password_by_operator: {
      subject: 'Set a new password for {{service}}',
      text: `The people who operate {{service}} have made this link for your account. To set a new password, open it:

{{link}}

The link can be used once, until {{until}}. All devices are then logged out. Until you use it, your password stays as it is.`,
    },
    reset_password_after_undo: {
      subject: 'Set a new password for {{service}}',
      text: `You have undone the change of the address of your account with {{service}}. The password no longer works. To set a new one, open this link:

{{link}}

The link can be used once, until {{until}}. After that, ask {{service}} for a new password.`,
    },
    confirm_email_change: {
      subject: 'Confirm your new address for {{service}}',
      text: `Somebody has asked {{service}} to use this address for their account. If that was you, open this link to confirm it:

{{link}}

The link can be used once, until {{until}}.

If it was not you, do nothing. Do not open the link: you would share the account of whoever asked.`,
    },
    email_change_requested: {
      subject: 'Your address for {{service}} is to be changed',
      text: `Somebody who knows your password has asked {{service}} to change the address of your account. It changes when the new address is confirmed.

If that was you, there is nothing to do here.

If it was not you, open this link, until {{until}}. It keeps this address, logs out all devices and makes the password useless; you then get a mail with which you set a new one:

{{link}}`,
    },
    email_changed: {
      subject: 'Your address for {{service}} was changed',
      text: `The address of your account with {{service}} was changed. Mail goes to the new one from now on.

If that was you, there is nothing to do here.

If it was not you, open this link, until {{until}}. It brings this address back, logs out all devices and makes the password useless; you then get a mail with which you set a new one:

{{link}}`,
    },
    accept_invitation: {
      subject: 'Your account with {{service}}',
      text: `You are invited to {{service}}. To choose a password for your account, open this link:

{{link}}

The link can be used once, until {{until}}.`,
    },
    address_taken: {
      subject: 'You have an account with {{service}}',
      text: `Somebody, perhaps you, has tried to use this address for another account with {{service}}. It already belongs to your account, which was not changed.

If you have forgotten your password, ask {{service}} for a new one.`,
    },
    password_changed: {
      subject: 'Your password for {{service}} was changed',
      text: `The password of your account with {{service}} was changed on {{time}}.

If that was not you, ask {{service}} for a new password now.`,
    },
    address_changed: {
      subject: 'Your address for {{service}} was changed',
      text: `The address of your account with {{service}} was changed on {{time}}. Mail goes to the new one from now on.

If that was not you, tell the people who operate {{service}}.`,
    },
    account_deleted: {
      subject: 'Your account with {{service}} was deleted',
      text: `Your account with {{service}} was deleted on {{time}}, with everything of yours.

If that was not you, tell the people who operate {{service}}.`,
    },
    refresh_token_reused: {
      subject: 'A device was logged out of {{service}}',
      text: `On {{time}} {{service}} ended one session of your account, because its secret was used a second time. Somebody may have copied it, or a device has lost its memory.

Log in again on that device. If you do not know the reason, change your password.`,
    },
    unknown_device: {
      subject: 'A new device has logged in to {{service}}',
      text: `On {{time}} somebody logged in to your account with {{service}} from {{device}}, which has not been seen before.

If that was you, there is nothing to do here. If it was not, ask {{service}} for a new password now.`,
    },
  },
};
