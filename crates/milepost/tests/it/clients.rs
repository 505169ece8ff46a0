//! Other systems' clients, by their own logic, in Node and in a browser.
