/** The version is that of package.json; a test compares them. */
export const USER_AGENT = "connect-lb/0.1.0";
