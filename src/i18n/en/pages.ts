/** What the pages say in English, by page. `{name}` stands for a value that the page puts there. */

export const pages = {
  names: {
    unnamed: 'Unnamed',
  },

  scopes: {
    openid: 'Know that it is you, by an identifier that stays the same',
    profile: 'See your profile: name, picture, language and time zone',
    email: 'See your e-mail address',
    offline_access: 'Stay connected when you are not here',
    other: 'Use the permission “{scope}”',
  },

  login: {
    title: 'Sign in',
    problemTitle: 'Problem: Sign in',
    problem: 'There is a problem',
    loginMissing: 'Enter your e-mail or username.',
    passwordMissing: 'Enter your password.',
    lead: 'to continue to {client}',
    login: 'E-mail or username',
    password: 'Password',
    show: 'Show',
    showWhat: 'password',
    demo: 'Demo account: {login} with password {password}',
    submit: 'Sign in',
    cancel: 'Cancel',
  },

  consent: {
    title: 'Allow access?',
    heading: '{client} wants to use your account',
    returnTo: 'You will return to',
    signedInAs: 'You are signed in as',
    notYou: 'Not you? Use another account',
    aboutYou: 'About you',
    lastsAsSession: 'Access lasts while you are signed in here, at most {longest}.',
    lastsOffline: 'Access lasts at most {longest}, also while you are not signed in.',
    allow: 'Allow',
    deny: 'Deny',
    warning: 'Allow this only if you know {host} and came from there.',
  },

  logout: {
    title: 'Sign out?',
    lead: 'This ends your sign-in here.',
    leadOfClient: '{client} asks to end your sign-in here.',
    effect: 'Every application that relies on it will ask you to sign in again.',
    signOut: 'Sign out',
    stay: 'Stay signed in',
  },

  loggedOut: {
    title: 'Signed out',
    heading: 'You are signed out',
    left: 'You have left {client}.',
    close: 'You can close this window.',
  },

  formPost: {
    title: 'One moment',
    lead: 'You are being sent on. If nothing happens, press the button.',
    continue: 'Continue',
  },

  apps: {
    title: 'Connected apps',
    lead: 'What may use the account of {account}, as you once allowed it.',
    ended: '{app} can no longer use your account.',
    none: 'No app may use your account. Apps that you allow will be listed here.',
    ofApi: '{sentence} ({api})',
    end: 'End access',
    effect: 'Ending access takes effect within a second. The app has to ask you again before it can come back.',
    signOut: 'Sign out',
  },

  error: {
    ways: 'Where to go from here',
    code: 'Error',
    reference: 'Reference',
    hint: 'If you ask for help, give this reference: it leads the people who run this service to what happened.',
    status401: 'You are not signed in',
    status403: 'This was refused',
    status404: 'Nothing is here',
    status405: 'That cannot be done here',
    status413: 'That was too much',
    status415: 'That was not understood',
    status429: 'Too many attempts',
    status503: 'Please try again in a moment',
    otherOfCaller: 'This cannot continue',
    otherOfServer: 'Something went wrong',
  },

  waysOut: {
    onceMore: 'Try again',
    form: 'Open the page again',
    tour: 'Start the tour again',
    restart: 'Start again',
    application: 'Go to {client}',
    home: 'Go to the start page',
  },

  refused: {
    client: 'The application that sent you here is not known to this service.',
    redirectUri: 'The application wants you sent back to an address that it did not register. Nothing was sent there.',
    authorization: 'The application that sent you here made a request that this service does not accept.',
    logout: 'The application asked to sign you out in a way that this service does not accept.',
    other: 'This request cannot be answered.',
  },

  home: {
    title: 'Grantor',
    lead: 'This is where applications send you to sign in. Start from the application that you want to use.',
  },
} as const
