// Written anew for every release; here so that the other files can be read and checked in place.
export const application = 'orders';
export const tier = 'web';
export const product = 'orders-web';
export const version = '0.0.0';
