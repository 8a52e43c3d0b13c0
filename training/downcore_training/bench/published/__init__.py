"""The published table: networks, trees and simple models by slice, section, core and site."""
