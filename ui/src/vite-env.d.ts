/// <reference types="svelte" />
/// <reference types="vite/client" />

/** True in `npm run dev` and `npm run build:fake`: the page may run without the shell. */
declare const __FAKE__: boolean;
