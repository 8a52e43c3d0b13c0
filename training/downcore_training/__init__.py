"""The lab: networks, their training cores and the loop that trains them. torch is met here."""
