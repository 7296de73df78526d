"""The partner's price list: what a license costs a month, by currency and from when on."""
