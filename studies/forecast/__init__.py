"""Forecast of a study before it runs: hours, memory and bytes, from short measurements on this machine."""
