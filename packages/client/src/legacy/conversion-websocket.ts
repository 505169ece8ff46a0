// Written below.
export {};
