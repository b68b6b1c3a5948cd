/** `off` is what is not set, and need not be. */
export type Finding = { state: 'ok' | 'off' | 'warning' | 'broken'; says: string; todo?: string }
