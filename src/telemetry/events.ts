export type EventListener = (event: unknown) => void;
